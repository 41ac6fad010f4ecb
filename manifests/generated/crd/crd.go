// Package crd has the CustomResourceDefinitions that controller-gen writes here, for programs that check
// objects without an API server.
package crd

import _ "embed" // of the definition

// CanaryPlans is the definition of the kind CanaryPlan, as YAML.
//
//go:embed holdfast.dev_canaryplans.yaml
var CanaryPlans []byte
