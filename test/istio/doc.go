// Package istio has what is laid over VirtualServices be taken by Istio itself: by its validation, and by its
// control plane, which runs in the test and tells clients of gRPC where their calls go. These are proxies of
// their own (grpc-go's xDS): no Envoy is to be had from Go modules.
package istio
