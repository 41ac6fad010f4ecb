package supervisor

import (
	"path/filepath"

	"holdfast.dev/holdfast/test/cluster/control"
	"holdfast.dev/holdfast/test/cluster/network"
)

// Names of the components, which are also their tools' and logs'.
const (
	etcd              = "etcd"
	apiserver         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	prometheus        = "prometheus"
)

// etcdURL is on the loopback of the cluster's own namespace: pods, which have others, do not reach it.
const etcdURL = "http://127.0.0.1:2379"

// prometheusAddress is fixed, so that manifests can name it.
const prometheusAddress = network.ControlPlane + ":9090"

// flags are the command line of each component.
func flags(state control.State) map[string][]string {
	return map[string][]string{
		etcd:              etcdFlags(state),
		apiserver:         apiserverFlags(state),
		controllerManager: controllerManagerFlags(state),
		scheduler:         schedulerFlags(state),
		prometheus:        prometheusFlags(state),
	}
}

// etcdFlags give up durability for speed: the data dies with the cluster.
func etcdFlags(state control.State) []string {
	const peerURL = "http://127.0.0.1:2380"
	return []string{
		"--data-dir=" + filepath.Join(state.Dir, "etcd"),
		"--unsafe-no-fsync",
		"--listen-client-urls=" + etcdURL,
		"--advertise-client-urls=" + etcdURL,
		"--listen-peer-urls=" + peerURL,
		"--initial-advertise-peer-urls=" + peerURL,
		"--initial-cluster=default=" + peerURL,
	}
}

// apiserverFlags let the server listen at the ClusterIP of its own Service, and send webhook calls
// straight to the endpoints of the webhook's: no kube-proxy is needed for either.
func apiserverFlags(state control.State) []string {
	file := func(name string) string { return filepath.Join(state.PKI(), name) }
	return []string{
		"--etcd-servers=" + etcdURL,
		"--advertise-address=" + network.ControlPlane,
		"--bind-address=" + network.ControlPlane,
		"--secure-port=443",
		"--service-cluster-ip-range=" + network.ServiceRange,
		"--enable-aggregator-routing=true",
		"--authorization-mode=Node,RBAC",
		"--allow-privileged=true",
		"--admission-control-config-file=" + admissionFile(state),
		"--client-ca-file=" + file("ca.crt"),
		"--tls-cert-file=" + file(fileAPIServer+".crt"),
		"--tls-private-key-file=" + file(fileAPIServer+".key"),
		"--kubelet-certificate-authority=" + file("ca.crt"),
		"--kubelet-client-certificate=" + file(fileClient+".crt"),
		"--kubelet-client-key=" + file(fileClient+".key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + file(fileAccounts+".pub"),
		"--service-account-signing-key-file=" + file(fileAccounts+".key"),
		"--requestheader-client-ca-file=" + file("ca.crt"),
		"--requestheader-allowed-names=" + fileFrontProxy,
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file=" + file(fileFrontProxy+".crt"),
		"--proxy-client-key-file=" + file(fileFrontProxy+".key"),
	}
}

// controllerManagerFlags make it the only one, and quick to see that a new node is Ready and what pods use.
func controllerManagerFlags(state control.State) []string {
	file := func(name string) string { return filepath.Join(state.PKI(), name) }
	return []string{
		"--kubeconfig=" + file(controllerManager+".kubeconfig"),
		"--bind-address=127.0.0.1",
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + file(fileAccounts+".key"),
		"--root-ca-file=" + file("ca.crt"),
		"--cluster-signing-cert-file=" + file("ca.crt"),
		"--cluster-signing-key-file=" + file("ca.key"),
		"--node-monitor-period=1s",
		"--horizontal-pod-autoscaler-sync-period=2s",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	}
}

func schedulerFlags(state control.State) []string {
	return []string{
		"--kubeconfig=" + filepath.Join(state.PKI(), scheduler+".kubeconfig"),
		"--bind-address=127.0.0.1",
		"--leader-elect=false",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	}
}

// prometheusFlags shorten the time until a new pod is scraped; the flag is hidden, with 5 seconds
// as its default.
func prometheusFlags(state control.State) []string {
	return []string{
		"--config.file=" + prometheusConfigFile(state),
		"--storage.tsdb.path=" + filepath.Join(state.Dir, "prometheus"),
		"--storage.tsdb.retention.time=12h",
		"--web.listen-address=" + prometheusAddress,
		"--scrape.discovery-reload-interval=500ms",
	}
}
