package protect

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/finalizer"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/surround"
)

// maxNote is the API's limit for the text of an event, and maxAction for its action.
const (
	maxNote   = 1024
	maxAction = 128
)

// tell tells of something once, as long as anything is protected in the namespace.
func (p *protector) tell(namespace string, about runtime.Object, of, kind, reason, action, note string) {
	if !p.first(namespace, fmt.Sprint(of, " ", reason, " ", note)) {
		return
	}
	p.Recorder.Eventf(about, nil, kind, reason, action[:min(len(action), maxAction)], "%s", plaintext.Line(note, maxNote))
}

// tellHeld tells which ConfigMaps are protected, by whichever part of Holdfast, for updates that are held.
func (p *protector) tellHeld(all []candidate, protected []string) {
	for _, c := range all {
		var names []string
		for _, name := range c.Names {
			if slices.Contains(protected, name) {
				names = append(names, name)
			}
		}
		if c.Held && c.Asks && len(names) > 0 {
			p.tellProtected(c, names)
		}
	}
}

func (p *protector) tellProtected(c candidate, names []string) {
	p.tell(c.object.GetNamespace(), c.object, string(c.object.GetUID()), corev1.EventTypeNormal, v1alpha1.EventConfigMapsProtected, "Protect",
		surround.TellProtected(names))
}

func (p *protector) tellKept(c candidate, kept surround.Kept) {
	if note := surround.TellKept(c.object.GetNamespace(), kept); note != "" {
		p.tell(c.object.GetNamespace(), c.object, string(c.object.GetUID())+kept.UID, corev1.EventTypeWarning, v1alpha1.EventConfigMapKept,
			string(kept.Need)+" "+kept.Name, note)
	}
}

func (p *protector) tellNoRight(c candidate) {
	held := c.object.GetAnnotations()[v1alpha1.HeldAnnotation] + c.object.GetAnnotations()[v1alpha1.FailedAnnotation]
	p.tell(c.object.GetNamespace(), c.object, string(c.object.GetUID())+held, corev1.EventTypeWarning, v1alpha1.EventNotProtected, "Protect",
		surround.NoRight)
}

func (p *protector) tellRefused(namespace string, of []candidate, change surround.Change, why string) {
	for _, c := range of {
		p.tell(namespace, c.object, string(c.object.GetUID()), corev1.EventTypeWarning, v1alpha1.EventNotProtected, "Protect "+change.Name,
			fmt.Sprintf("ConfigMap %s of the stable template is not protected: %s", change.Name, why))
	}
}

// tellStuck tells of a ConfigMap that would not go, if it were deleted, on the ConfigMap.
func (p *protector) tellStuck(namespace string, change surround.Change, why string) {
	about := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: change.Name, UID: types.UID(change.UID)}}
	about.SetGroupVersionKind(finalizer.Kind)
	p.tell(namespace, about, change.UID, corev1.EventTypeWarning, v1alpha1.EventNotProtected, "Unprotect",
		fmt.Sprintf("nothing needs finalizer %s any longer, and Holdfast cannot take it off: %s; to take it off yourself: %s",
			v1alpha1.ProtectFinalizer, why, surround.TakeOff(namespace, change.Name)))
}
