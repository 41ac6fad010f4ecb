// Package surround tells what stands beside a Deployment and must go with its template:
// the Services that send its pods requests, and the ConfigMaps and Secrets that it names.
// None of it is held with the template, so what was meant to come with a new one is there
// before it, and what only the old one needs may be gone. It also says which ConfigMaps
// are kept from going by a finalizer.
//
// It is pure: who asks reads the objects.
package surround
