package supervisor

import (
	"path/filepath"

	"holdfast.dev/holdfast/test/cluster/control"
	"holdfast.dev/holdfast/test/cluster/network"
	"holdfast.dev/holdfast/test/cluster/pki"
)

// insideServer is where the API server is reached from inside the cluster.
const insideServer = "https://" + network.ControlPlane + ":443"

// Names of the certificate files, and of the kubeconfigs made from them.
const (
	fileAPIServer  = "apiserver"
	fileKubelet    = "kubelet"
	fileClient     = "apiserver-kubelet-client"
	fileFrontProxy = "front-proxy-client"
	fileAdmin      = "admin"
	fileAccounts   = "service-accounts"
)

// makeCredentials writes all certificates, the kubeconfigs of the components, and the one for people outside.
func (s *supervisor) makeCredentials() error {
	authority, err := pki.NewAuthority(s.PKI())
	if err != nil {
		return err
	}
	for _, id := range identities(s.State) {
		if err := authority.Issue(id); err != nil {
			return err
		}
	}
	if err := authority.IssueKeys(fileAccounts); err != nil {
		return err
	}
	for _, name := range []string{fileAdmin, controllerManager, scheduler} {
		if err := authority.Kubeconfig(filepath.Join(s.PKI(), name+".kubeconfig"), insideServer, name); err != nil {
			return err
		}
	}
	if err := configureWebhooks(s.State); err != nil {
		return err
	}
	return authority.Kubeconfig(s.Kubeconfig(), "https://"+s.APIServer, fileAdmin)
}

func identities(state control.State) []pki.Identity {
	nodeHosts := append([]string{}, state.Nodes...)
	for i := range state.Nodes {
		nodeHosts = append(nodeHosts, network.NodeAddress(i+1))
	}
	return []pki.Identity{
		{File: fileAPIServer, User: "kube-apiserver", Hosts: []string{
			network.ControlPlane, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local",
		}},
		{File: fileKubelet, User: "holdfast.test:nodes", Hosts: nodeHosts},
		{File: fileClient, User: "kube-apiserver-kubelet-client", Groups: []string{"system:masters"}},
		{File: fileFrontProxy, User: fileFrontProxy},
		{File: fileWebhooks, User: fileWebhooks},
		{File: fileAdmin, User: "kubernetes-admin", Groups: []string{"system:masters"}},
		{File: controllerManager, User: "system:kube-controller-manager"},
		{File: scheduler, User: "system:kube-scheduler"},
	}
}
