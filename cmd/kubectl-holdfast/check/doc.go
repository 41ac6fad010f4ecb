// Package check looks for mistakes in manifests before anybody applies them: in CanaryPlans, and in
// Deployments and namespaces with annotations of Holdfast. It says where in the file each is. What is a
// mistake and what is doubtful is found by the code that the webhook uses.
//
// It is pure: text in, findings out. What only a cluster knows (its Prometheus endpoints, its policies, its
// schema of other kinds) it cannot tell.
package check
