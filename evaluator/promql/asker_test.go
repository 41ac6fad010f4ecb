package promql

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// Every way of asking takes a slot of the namespace it is asked for.
func TestQueriesTakeSlotsOfTheirNamespace(t *testing.T) {
	var c *Client
	var seen int64
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		seen += c.slots.Held()["shop"]
		reply200(success("matrix", `[]`))(w, r)
	})
	c = client(t, at(address))
	shop, ctx := c.AsNamespace("shop"), context.Background()
	for want, ask := range []func() error{
		func() error { _, err := shop.Query(ctx, "up", noon); return err },
		func() error {
			_, err := shop.QueryRange(ctx, "up", noon, noon.Add(time.Minute), time.Second)
			return err
		},
		func() error { _, err := shop.QuerySamples(ctx, "up[1m]", noon); return err },
	} {
		if err := ask(); err != nil || seen != int64(want)+1 {
			t.Errorf("after %d queries: %d were the shop's, %v", want+1, seen, err)
		}
	}
	if left := len(c.slots.Held()); left > 0 {
		t.Errorf("%d namespaces still have a slot", left)
	}
}
