package outbound

import (
	"strings"
	"testing"
)

func TestCredentialsAreShownWhereTheyAreFor(t *testing.T) {
	c, err := ParseCredentials([]string{
		"gate.example.com=/s/gate", "*.example.com:8443=/s/others", "http://loadtester.test:*=/s/clear", "http://*.{{namespace}}.svc=/s/{{namespace}}/own",
	})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"https://gate.example.com/check":      "/s/gate",
		"https://GATE.example.com./check":     "/s/gate",
		"http://gate.example.com/check":       "", // in the clear
		"https://gate.example.com:8443/check": "/s/others",
		"https://gate.example.com.evil/check": "",
		"https://evil/?gate.example.com":      "",
		"https://example.com:8443/":           "",
		"http://loadtester.test:8080/gate":    "/s/clear",
		"https://loadtester.test/gate":        "/s/clear",
		"http://gate.shop.svc/":               "/s/shop/own",
		"http://gate.vault.svc/":              "",
		"https://me@gate.example.com/check":   "",
		"://":                                 "",
	} {
		if got := c.FileFor(address, "shop"); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func TestCredentialsThatAreNone(t *testing.T) {
	for text, told := range map[string]string{
		"gate.example.com":       "must be HOST=FILE",
		"gate.example.com=token": "must be an absolute path",
		"https://gate=/s/gate":   "must be a host",
		"=/s/gate":               "must be a host",
	} {
		if _, err := ParseCredentials([]string{text}); err == nil || !strings.Contains(err.Error(), told) {
			t.Errorf("%s: %v, want %q in it", text, err, told)
		}
	}
}
