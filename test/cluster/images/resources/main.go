// Command resources is a metrics API (metrics.k8s.io/v1beta1) for pods, for scenarios with an autoscaler: a
// pod uses as much CPU as its annotation holdfast.test/cpu says, and one without it has not been measured;
// and of metrics of no object (external.metrics.k8s.io/v1beta1), whose names end in their values. Its image
// is holdfast.test/resources with any tag. It lists pods with its own ServiceAccount.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"
)

func main() {
	listen := flag.String("listen", ":8443", "address to serve on")
	flag.Parse()
	if err := run(*listen); err != nil {
		fmt.Fprintln(os.Stderr, "resources:", err)
		os.Exit(1)
	}
}

// run serves until it is killed, with a certificate that only clients take which do not look.
func run(listen string) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("read in-cluster credentials: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	certificate, key, err := cert.GenerateSelfSignedCertKey("resources", nil, nil)
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	server := &http.Server{
		Addr: listen, Handler: newHandler(client), ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	}
	fmt.Printf("resources: serving on %s\n", listen)
	return server.ListenAndServeTLS("", "")
}
