package supervisor

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"holdfast.dev/holdfast/test/cluster/control"
)

// fileWebhooks names the certificate that the API server shows to admission webhooks.
const fileWebhooks = "webhooks"

// admissionYAML names the kubeconfig for webhooks, as an administrator does who wants webhooks to
// know their API servers.
const admissionYAML = `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: MutatingAdmissionWebhook
  configuration: {apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration, kubeConfigFile: %[1]q}
- name: ValidatingAdmissionWebhook
  configuration: {apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration, kubeConfigFile: %[1]q}
`

func admissionFile(state control.State) string { return filepath.Join(state.PKI(), "admission.yaml") }

// configureWebhooks has the API server show its certificate to every webhook. Those that do not ask
// never see it.
func configureWebhooks(state control.State) error {
	config := clientcmdapi.NewConfig()
	config.AuthInfos["*"] = &clientcmdapi.AuthInfo{
		ClientCertificate: filepath.Join(state.PKI(), fileWebhooks+".crt"), ClientKey: filepath.Join(state.PKI(), fileWebhooks+".key"),
	}
	kubeconfig := filepath.Join(state.PKI(), fileWebhooks+".kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		return fmt.Errorf("write kubeconfig for webhooks: %w", err)
	}
	if err := os.WriteFile(admissionFile(state), fmt.Appendf(nil, admissionYAML, kubeconfig), 0o600); err != nil {
		return fmt.Errorf("write admission configuration: %w", err)
	}
	return nil
}
