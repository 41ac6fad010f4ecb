// Package istio pins the version of Istio's API whose kinds are installed.
package istio

import _ "istio.io/api/label" // its module has the kinds as YAML
