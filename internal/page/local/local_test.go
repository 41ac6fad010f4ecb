package local

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/page/pagetest"
)

func run(namespace, name string, phase v1alpha1.Phase) *v1alpha1.CanaryRun {
	return &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.CanaryRunSpec{Deployment: "web", Hold: "h"},
		Status: v1alpha1.CanaryRunStatus{Phase: phase},
	}
}

// serve serves the page to jane; it ends with the test.
func serve(t *testing.T, api *pagetest.API, namespace string) (base, secret string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, Options{Config: api.As("jane"), Namespace: namespace, Open: func(a string) { address <- a }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	base, secret, _ = strings.Cut(<-address, "/#token=")
	return base, secret
}

func ask(t *testing.T, address, secret, host string) (int, io.Reader) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	if host != "" {
		r.Host = host
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer.StatusCode, answer.Body
}

func jane() *pagetest.User {
	return &pagetest.User{Name: "jane", May: []string{"list shop/canaryruns", "watch shop/canaryruns", "get shop/canaryruns"}}
}

func TestThePageIsOfWhoHasItsSecret(t *testing.T) {
	api := pagetest.New(t)
	api.Give("jane", *jane())
	api.Put(run("shop", "web-a", v1alpha1.PhaseRunning))
	api.Put(run("vault", "key-b", v1alpha1.PhaseRunning))
	base, secret := serve(t, api, "shop")
	if !strings.HasPrefix(base, "http://127.0.0.1:") || len(secret) < 32 {
		t.Errorf("served at %s with %s", base, secret)
	}
	_, messages := ask(t, base+"/api/stream", secret, "")
	stream := bufio.NewScanner(messages)
	until := func(want string) {
		t.Helper()
		for stream.Scan() {
			if strings.Contains(stream.Text(), "key-b") {
				t.Errorf("it tells of another namespace: %s", stream.Text())
			}
			if strings.Contains(stream.Text(), want) {
				return
			}
		}
		t.Fatalf("the stream ended before %s", want)
	}
	until(`"phase":"Running"`) // the board is filled by now
	for name, tc := range map[string]struct {
		secret, host, says string
		code               int
	}{
		"with the secret":         {secret, "", `"phase":"Running"`, 200},
		"without":                 {"", "", "not known", 401},
		"with another":            {secret[1:] + "x", "", "kubectl holdfast dashboard printed last", 401},
		"by the name of the host": {secret, strings.Replace(strings.TrimPrefix(base, "http://"), "127.0.0.1", "localhost", 1), `"phase":"Running"`, 200},
		"by another name":         {secret, "evil.example", "not the one that was printed", 421},
	} {
		code, body := ask(t, base+"/api/runs/shop/web-a", tc.secret, tc.host)
		text, err := io.ReadAll(body)
		if err != nil || code != tc.code || !strings.Contains(string(text), tc.says) {
			t.Errorf("%s: answered %d: %s", name, code, text)
		}
	}
	api.Put(run("vault", "key-b", v1alpha1.PhasePaused))
	api.Put(run("shop", "web-a", v1alpha1.PhasePaused))
	until(`"phase":"Paused"`)
	api.Delete("shop", "web-a")
	until(`"gone":["shop/web-a"]`)
}

func TestWhoMayNotListIsToldSoAtOnce(t *testing.T) {
	api := pagetest.New(t)
	api.Give("jane", *jane())
	err := Serve(t.Context(), Options{Config: api.As("jane"), Open: func(string) { t.Error("it is served all the same") }})
	if !apierrors.IsForbidden(err) {
		t.Errorf("got %v", err)
	}
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	api := pagetest.New(t)
	api.Give("jane", *jane())
	base, _ := serve(t, api, "shop")
	port := 0
	for _, digit := range base[strings.LastIndex(base, ":")+1:] {
		port = 10*port + int(digit-'0')
	}
	err := Serve(t.Context(), Options{Config: api.As("jane"), Namespace: "shop", Port: port})
	if err == nil || !strings.Contains(err.Error(), "choose another --port") {
		t.Errorf("got %v", err)
	}
}
