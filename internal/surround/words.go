package surround

import (
	"fmt"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// shown is how many names people are told.
const shown = 5

// TellLeft says which Services have left the stable pods, and what to do.
func TellLeft(services []string) string {
	what, it, its := "Service "+services[0]+" sends", "it", "its"
	if len(services) > 1 {
		what, it, its = "Services "+few(services)+" send", "they", "their"
	}
	return fmt.Sprintf("%s requests to pods of the held template and to none of the stable one: Services are not held, so %s must go to both until the release; "+
		"make %s spec.selector and the names in spec.ports[*].targetPort fit both templates", what, it, its)
}

// TellGone says what the stable template names and is not there, and what to do.
func TellGone(gone []Reference) string {
	names := make([]string, len(gone))
	for i, one := range gone {
		names[i] = one.String()
	}
	verb := "is"
	if len(names) > 1 {
		verb = "are"
	}
	return fmt.Sprintf("%s %s gone, and the stable template cannot start pods without: what is pruned when an update is applied is needed until its release, and after a revert; "+
		"create it again, and keep it from being pruned", few(names), verb)
}

func few(names []string) string {
	if len(names) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}

// TakeOff is the command by which people take the finalizer off a ConfigMap.
func TakeOff(namespace, name string) string { return fmt.Sprintf(takeOff, namespace, name) }

const takeOff = `kubectl -n %s patch configmap %s -p '{"metadata":{"$deleteFromPrimitiveList/finalizers":["` + v1alpha1.ProtectFinalizer + `"]}}'`

// TellKept says for what a ConfigMap of a namespace is kept that was deleted, and what to do; "" where that
// is over soon.
func TellKept(namespace string, k Kept) string {
	off := TakeOff(namespace, k.Name)
	switch k.Need {
	case NeedHeld:
		return fmt.Sprintf("ConfigMap %s was deleted, and finalizer %s keeps it usable for the stable pods until the held update is released and rolled out; "+
			"after a revert as long as the Deployment names it. To have it go at once: %s", k.Name, v1alpha1.ProtectFinalizer, off)
	case NeedRejected, NeedNamed:
		return fmt.Sprintf("ConfigMap %s was deleted, and the template that runs still needs it: finalizer %s keeps it, and until it is gone none of its name can be made. "+
			"Apply a template that names another one; or save it (kubectl -n %s get configmap %s -o yaml), take the finalizer off (%s) and create it again",
			k.Name, v1alpha1.ProtectFinalizer, namespace, k.Name, off)
	}
	return ""
}

// NoRight says that nothing is protected, and what to do.
const NoRight = "no ConfigMap of the stable template is protected, though the plan asks for it (spec.protect: ConfigMaps): Holdfast may not change ConfigMaps. " +
	"Have your administrator install it with protectConfigMaps.enabled=true of the chart, or the component protect-configmaps; " +
	"or keep them from being pruned by your tool"

// TellProtected says which ConfigMaps have the finalizer from now on.
func TellProtected(names []string) string {
	what, they := "ConfigMap "+names[0]+" has", "it stays"
	if len(names) > 1 {
		what, they = "ConfigMaps "+few(names)+" have", "they stay"
	}
	return fmt.Sprintf("%s finalizer %s, as the plan asks (spec.protect): deleted, %s usable until the stable pods need that no more", what, v1alpha1.ProtectFinalizer, they)
}
