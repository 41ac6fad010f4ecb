// Package gatewayapi pins the version of the Gateway API whose kinds are installed.
package gatewayapi

import _ "sigs.k8s.io/gateway-api/apis/v1" // its module has the kinds as YAML
