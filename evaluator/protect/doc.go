// Package protect keeps ConfigMaps usable that the stable template of a Deployment names and that are
// deleted while an update of it is held: by a finalizer, where the plan asks for it.
//
// A pass looks at one namespace: its ConfigMaps, by their metadata, and its Deployments. Package surround
// says what is to be done. Nothing is remembered of what was done before, so a pass mends what one before
// it, or another replica, has left undone; which namespaces have protected ConfigMaps is found out when a
// term begins.
//
// Holdfast may change ConfigMaps only where an administrator gives it the right, and that for the whole
// cluster: one that is given in a namespace goes with the namespace, before the finalizers that keep it.
package protect
