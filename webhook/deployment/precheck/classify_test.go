package precheck

import (
	"os"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func TestClassify(t *testing.T) {
	data, err := os.ReadFile("testdata/answers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var answers []struct {
		Sentence string        `json:"sentence"`
		Finding  Meaning       `json:"finding"`
		Status   metav1.Status `json:"status"`
	}
	if err := yaml.UnmarshalStrict(data, &answers); err != nil {
		t.Fatal(err)
	}
	asked := Asked{User: "system:serviceaccount:shop:nobody", Namespace: "shop", Name: "web"}
	for _, a := range answers {
		t.Run(a.Sentence, func(t *testing.T) {
			if got := Classify(&apierrors.StatusError{ErrStatus: a.Status}, asked); got != a.Finding {
				t.Errorf("%d %s is %s, want %s", a.Status.Code, a.Status.Message, got, a.Finding)
			}
		})
	}
}

// TestThePermissionMissedMustBeHoldfastsOwn: of another user, or for another
// object, the same words are somebody else's refusal.
func TestThePermissionMissedMustBeHoldfastsOwn(t *testing.T) {
	status := metav1.Status{Code: 403, Reason: metav1.StatusReasonForbidden,
		Message: `deployments.apps "web" is forbidden: User "jane" cannot update resource "deployments" in API group "apps" in the namespace "shop"`}
	for asked, want := range map[Asked]Meaning{
		{User: "jane", Namespace: "shop", Name: "web"}:  NotChecked,
		{User: "bob", Namespace: "shop", Name: "web"}:   Refused,
		{User: "jane", Namespace: "other", Name: "web"}: Refused,
		{User: "jane", Namespace: "shop", Name: "api"}:  Refused,
	} {
		if got := Classify(&apierrors.StatusError{ErrStatus: status}, asked); got != want {
			t.Errorf("%+v: %s, want %s", asked, got, want)
		}
	}
}
