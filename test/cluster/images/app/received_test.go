package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestItTellsWhichRequestsItHasReceived(t *testing.T) {
	server := httptest.NewServer(newHandler(behaviour{version: "v7", status: "code"}, time.Now))
	defer server.Close()
	send := func(body string) {
		t.Helper()
		answer, err := http.Post(server.URL+"/anything", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	send("one")
	send("one")
	send(strings.Repeat("a", 1000))
	answer, err := http.Get(server.URL + "/received")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got map[string]int
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"POST one": 2, "POST 1000 bytes 41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}
