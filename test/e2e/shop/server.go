package shop

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
)

// Server is one that Holdfast talks to. It serves in the network of the cluster itself, where the flags of
// the test overlay find it, and answers /healthz.
type Server struct {
	Name  string
	Image string // of test/cluster/images
	Port  int
	Args  []string
}

// Serve has a server in the shop, and waits until it serves.
func (s *Shop) Serve(server Server) {
	s.T.Helper()
	s.Must("apply", "-f", "-", fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, annotations: {holdfast.dev/canary: disabled}}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      hostNetwork: true
      containers:
      - name: %[1]s
        image: holdfast.test/%[2]s:v1
        args: [%[3]s]
        readinessProbe: {httpGet: {path: /healthz, port: %[4]d}, periodSeconds: 1}
`, server.Name, server.Image, quoted(server.Args), server.Port))
	Await(s, server.Name+" serves", server.Name, &appsv1.Deployment{}, RolledOut)
}
