package outbound

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestHostsAllow(t *testing.T) {
	for name, tc := range map[string]struct {
		hosts Hosts
		url   string
		want  bool
	}{
		"a host that is named":                         {Hosts{"gate.example.com"}, "https://gate.example.com/check?team=a", true},
		"in capitals, with the dot of the root":        {Hosts{"Gate.example.com"}, "https://GATE.example.com./check", true},
		"another":                                      {Hosts{"gate.example.com"}, "https://example.com", false},
		"one below it":                                 {Hosts{"example.com"}, "https://gate.example.com", false},
		"one that begins so":                           {Hosts{"gate.example.com"}, "https://gate.example.com.evil.org", false},
		"one that ends so":                             {Hosts{"*.example.com"}, "https://evilexample.com", false},
		"all below a name":                             {Hosts{"*.example.com"}, "https://a.b.example.com", true},
		"but not the name itself":                      {Hosts{"*.example.com"}, "https://example.com", false},
		"the port of the scheme":                       {Hosts{"gate"}, "http://gate:80/", true},
		"another port":                                 {Hosts{"gate"}, "http://gate:8080/", false},
		"the port of another scheme":                   {Hosts{"gate:443"}, "http://gate/", false},
		"a port that is named":                         {Hosts{"gate:8080"}, "http://gate:8080/", true},
		"any port":                                     {Hosts{"gate:*"}, "http://gate:8080/", true},
		"a Service of the tenant's own":                {Hosts{"*.{{namespace}}.svc"}, "http://loadtester.shop.svc/", true},
		"one of another tenant":                        {Hosts{"*.{{namespace}}.svc"}, "http://loadtester.bank.svc/", false},
		"one whose name says the tenant's":             {Hosts{"*.{{namespace}}.svc"}, "http://shop.bank.svc/", false},
		"a name before the host is a user, and no one": {Hosts{"gate"}, "http://gate@evil.org/", false},
		"nor with the right host":                      {Hosts{"gate"}, "http://user:password@gate/", false},
		"an address that is named":                     {Hosts{"10.0.0.1:9898"}, "http://10.0.0.1:9898/", true},
		"an address is below no name":                  {Hosts{"*.0.0.1"}, "http://10.0.0.1/", false},
		"IPv6":                                         {Hosts{"[2001:db8::1]:8080"}, "http://[2001:DB8:0::1]:8080/", true},
		"IPv6 on the port of the scheme":               {Hosts{"[2001:db8::1]"}, "https://[2001:db8::1]/", true},
		"another scheme":                               {Hosts{"gate:*"}, "file://gate/etc/passwd", false},
		"no host":                                      {Hosts{"*.example.com"}, "http:///x", false},
		"no URL":                                       {Hosts{"gate"}, "http://gate/%zz", false},
		"nobody allows any":                            {nil, "http://gate/", false},
	} {
		t.Run(name, func(t *testing.T) {
			if errs := ValidateHosts(tc.hosts, field.NewPath("hosts")); len(errs) > 0 {
				t.Error(errs)
			}
			if got := tc.hosts.Allow(tc.url, "shop"); got != tc.want {
				t.Errorf("Allow(%s) = %v", tc.url, got)
			}
		})
	}
}

func TestValidateHosts(t *testing.T) {
	for _, wrong := range []string{"", "*", "*.*", "a.*.b", "http://gate", "gate/check", "gate:port", "-gate", "2001:db8::1", "gate, other", "{{deployment}}.svc"} {
		if errs := ValidateHosts([]string{wrong}, field.NewPath("hosts")); len(errs) != 1 {
			t.Errorf("%q: %v", wrong, errs)
		}
	}
}
