package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestCallsAreMadeAndAnswered(t *testing.T) {
	server := httptest.NewUnstartedServer(newHandler(behaviour{version: "v7", status: "code"}, time.Now))
	server.Config.Protocols = protocols()
	server.Start()
	defer server.Close()
	answer, err := http.Get(server.URL + "/calls/3/" + server.Listener.Addr().String() + "/shop.test")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var counts map[string]int
	if err := json.NewDecoder(answer.Body).Decode(&counts); err != nil || len(counts) != 1 || counts["v7"] != 3 {
		t.Errorf("counts are %v, %v", counts, err)
	}
}
