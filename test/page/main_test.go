package page_test

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/page"
	"holdfast.dev/holdfast/internal/page/entrance"
	"holdfast.dev/holdfast/internal/page/local"
	"holdfast.dev/holdfast/internal/page/pagetest"
	"holdfast.dev/holdfast/internal/page/person"
	"holdfast.dev/holdfast/test/page/browser"
	"holdfast.dev/holdfast/test/page/gallery"
)

// chromium is the browser of all tests.
var chromium *browser.Browser

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run()) // that needs no browser
	}
	b, stop, err := browser.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
	chromium = b
	code := m.Run()
	stop()
	os.Exit(code)
}

// beside serves the page as kubectl holdfast dashboard does, as the user who has a token.
func beside(t *testing.T, api *pagetest.API, token, namespace string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- local.Serve(ctx, local.Options{Config: api.As(token), Namespace: namespace, Open: func(a string) { address <- a }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-address:
		return a
	case err := <-ended:
		t.Fatal(err)
		return ""
	}
}

// hurry is how many times faster than the real one the clock of a page in a cluster is: tokens are asked
// about anew in one second and a half, and not in 30.
const hurry = 20

type hurried struct{ clock.RealClock }

var began = time.Now()

// Now implements clock.Clock.
func (hurried) Now() time.Time { return began.Add(time.Since(began) * hurry) }

// ticking has tickers that hurry, and the real time.
type ticking struct{ clock.RealClock }

// NewTicker implements clock.WithTicker.
func (c ticking) NewTicker(d time.Duration) clock.Ticker { return c.RealClock.NewTicker(d / hurry) }

const holdfast = "token-of-holdfast"

// inCluster serves the page as Holdfast does in a cluster.
func inCluster(t *testing.T, api *pagetest.API) *httptest.Server {
	t.Helper()
	api.Give(holdfast, pagetest.User{Name: "holdfast", May: []string{"list */canaryruns", "watch */canaryruns"}})
	door, err := entrance.New(api.As(holdfast), hurried{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(api.As(holdfast))
	if err != nil {
		t.Fatal(err)
	}
	informer := dynamicinformer.NewFilteredDynamicInformer(client, v1alpha1.GroupVersion.WithResource("canaryruns"), "", 0, cache.Indexers{}, nil).Informer()
	if err := informer.SetTransform(func(object any) (any, error) {
		if u, is := object.(*unstructured.Unstructured); is {
			return person.Typed(u)
		}
		return object, nil
	}); err != nil {
		t.Fatal(err)
	}
	board, ready := page.NewBoard(), make(chan struct{})
	synced, err := board.Follow(informer)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), synced) {
		t.Fatal("the runs are not there")
	}
	close(ready)
	server := httptest.NewUnstartedServer(page.Handler(page.Options{Door: door, Board: board, Clock: ticking{}, Ready: ready, Past: recollection{}}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server
}

// hung is an API server with the gallery.
func hung(t *testing.T) *pagetest.API {
	t.Helper()
	api := pagetest.New(t)
	gallery.Hang(api, time.Now())
	return api
}

// signIn shows a token to the page of a cluster.
func signIn(tab *browser.Tab, address, token string) {
	tab.Open(address)
	tab.Await("document.documentElement.dataset.ready === 'true'")
	tab.Write("#token", token)
	tab.Click("#door button[type=submit]")
}
