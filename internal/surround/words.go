package surround

import (
	"fmt"
	"strings"
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
