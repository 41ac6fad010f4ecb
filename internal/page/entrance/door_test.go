package entrance

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"holdfast.dev/holdfast/internal/page"
	"holdfast.dev/holdfast/internal/page/pagetest"
)

func open(t *testing.T) (*Door, *pagetest.API, *clocktesting.FakeClock) {
	t.Helper()
	api := pagetest.New(t)
	api.Give("holdfast", pagetest.User{Name: "system:serviceaccount:holdfast-system:holdfast"})
	api.Give("jane", pagetest.User{Name: "jane", May: []string{"list shop/canaryruns"}})
	api.Give("root", pagetest.User{Name: "root", May: []string{"list */canaryruns"}})
	clock := clocktesting.NewFakeClock(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC))
	door, err := New(api.As("holdfast"), clock)
	if err != nil {
		t.Fatal(err)
	}
	return door, api, clock
}

// reviews are how many of a kind were asked for.
func reviews(api *pagetest.API, kind string) int {
	n := 0
	for _, asked := range api.Asked() {
		if strings.HasSuffix(asked, "/"+kind) {
			n++
			if !strings.HasPrefix(asked, "system:serviceaccount:holdfast-system:holdfast POST ") {
				panic("asked as another: " + asked)
			}
		}
	}
	return n
}

func TestWhoSeesWhat(t *testing.T) {
	door, _, _ := open(t)
	for token, sees := range map[string][]string{"jane": {"shop"}, "root": {"shop", "vault"}} {
		visitor, err := door.Enter(t.Context(), token)
		if err != nil || visitor.Name != token {
			t.Fatalf("%s: %+v, %v", token, visitor, err)
		}
		for _, namespace := range []string{"shop", "vault"} {
			got, err := visitor.Sees(t.Context(), namespace)
			if want := slices.Contains(sees, namespace); got != want || err != nil {
				t.Errorf("%s sees %s: %t, %v", token, namespace, got, err)
			}
		}
	}
	if _, err := door.Enter(t.Context(), "guess"); !errors.Is(err, page.ErrStranger) {
		t.Errorf("a token that is none: %v", err)
	}
}

func TestReviewsAreKeptForAWhile(t *testing.T) {
	door, api, clock := open(t)
	look := func() (sees bool, err error) {
		for range 10 {
			visitor, err := door.Enter(t.Context(), "jane")
			if err != nil {
				return false, err
			}
			if sees, err = visitor.Sees(t.Context(), "shop"); err != nil {
				return false, err
			}
		}
		return sees, nil
	}
	if sees, err := look(); err != nil || !sees || reviews(api, "tokenreviews") != 1 || reviews(api, "subjectaccessreviews") != 2 {
		t.Errorf("sees %t, %v, after %q", sees, err, api.Asked())
	}
	api.Give("jane", pagetest.User{Name: "jane"})
	clock.Step(rightTime + time.Second)
	if sees, err := look(); err != nil || sees {
		t.Errorf("a right that was taken back: sees %t, %v", sees, err)
	}
	api.Forget("jane")
	clock.Step(knownTime + time.Second)
	if _, err := look(); !errors.Is(err, page.ErrStranger) {
		t.Errorf("a token that has expired: %v", err)
	}
	asked := reviews(api, "tokenreviews")
	if _, err := look(); !errors.Is(err, page.ErrStranger) || reviews(api, "tokenreviews") != asked {
		t.Errorf("a stranger is asked about each time: %v", err)
	}
	api.Give("jane", pagetest.User{Name: "jane", May: []string{"list shop/canaryruns"}})
	clock.Step(rightTime + time.Second)
	if sees, err := look(); err != nil || !sees {
		t.Errorf("a token that is good again: sees %t, %v", sees, err)
	}
}

func TestWhatCannotBeFoundOutIsNoNo(t *testing.T) {
	door, api, clock := open(t)
	api.SetDown(true)
	if _, err := door.Enter(t.Context(), "jane"); !errors.Is(err, page.ErrBusy) || errors.Is(err, page.ErrStranger) {
		t.Errorf("the API server is down: %v", err)
	}
	api.SetDown(false)
	visitor, err := door.Enter(t.Context(), "jane")
	if err != nil {
		t.Fatal(err)
	}
	api.SetDown(true)
	if _, err := visitor.Sees(t.Context(), "shop"); !errors.Is(err, page.ErrBusy) {
		t.Errorf("the API server is down: %v", err)
	}
	api.SetDown(false)
	clock.Step(time.Second)
	if sees, err := visitor.Sees(t.Context(), "shop"); err != nil || !sees {
		t.Errorf("it is up again: %t, %v", sees, err)
	}
}

func TestRightsAreOfAPersonWithGroups(t *testing.T) {
	user := authenticationv1.UserInfo{Username: "jane", UID: "1", Groups: []string{"a", "b"}}
	other := user
	other.Groups = []string{"a,b"}
	if idOf(user) == idOf(other) {
		t.Error("who has other groups is not another")
	}
}
