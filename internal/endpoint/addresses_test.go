package endpoint

import (
	"net/netip"
	"testing"
)

func TestMayDial(t *testing.T) {
	const prom = "http://prometheus.monitoring.svc"
	for name, tc := range map[string]struct {
		endpoint Endpoint
		address  string
		want     bool
	}{
		"a cluster's address":                  {Endpoint{URL: prom}, "10.96.0.10", true},
		"a public one":                         {Endpoint{URL: prom}, "203.0.113.7", true},
		"IPv6":                                 {Endpoint{URL: prom}, "2001:db8::1", true},
		"a private one in IPv6":                {Endpoint{URL: prom}, "fd12:3456::1", true},
		"metadata":                             {Endpoint{URL: prom}, "169.254.169.254", false},
		"metadata that the URL names":          {Endpoint{URL: "http://169.254.169.254"}, "169.254.169.254", false},
		"metadata, mapped into IPv6":           {Endpoint{URL: prom}, "::ffff:169.254.169.254", false},
		"metadata by way of NAT64":             {Endpoint{URL: prom}, "64:ff9b::a9fe:a9fe", false},
		"metadata by way of a local NAT64":     {Endpoint{URL: prom}, "64:ff9b:1::a9fe:a9fe", false},
		"metadata by way of 6to4":              {Endpoint{URL: prom}, "2002:a9fe:a9fe::1", false},
		"metadata of AWS in IPv6":              {Endpoint{URL: prom}, "fd00:ec2::254", false},
		"metadata of Google in IPv6":           {Endpoint{URL: prom}, "fd20:ce::254", false},
		"metadata of Alibaba":                  {Endpoint{URL: prom}, "100.100.100.200", false},
		"link-local":                           {Endpoint{URL: prom}, "fe80::1%eth0", false},
		"unspecified":                          {Endpoint{URL: prom}, "0.0.0.0", false},
		"unspecified in IPv6":                  {Endpoint{URL: prom}, "::", false},
		"this network":                         {Endpoint{URL: prom}, "0.1.2.3", false},
		"multicast":                            {Endpoint{URL: prom}, "224.0.0.1", false},
		"multicast in IPv6":                    {Endpoint{URL: prom}, "ff02::1", false},
		"broadcast":                            {Endpoint{URL: prom}, "255.255.255.255", false},
		"a name that resolves to loopback":     {Endpoint{URL: prom}, "127.0.0.1", false},
		"one in IPv6":                          {Endpoint{URL: prom}, "::1", false},
		"loopback that the URL names":          {Endpoint{URL: "http://127.0.0.1:9090"}, "127.0.0.1", true},
		"loopback in IPv6 that the URL names":  {Endpoint{URL: "http://[::1]:9090"}, "::1", true},
		"localhost":                            {Endpoint{URL: "http://LocalHost.:9090"}, "127.0.0.1", true},
		"localhost that resolves to something": {Endpoint{URL: "http://localhost"}, "169.254.169.254", false},
		"a name that begins like localhost":    {Endpoint{URL: "http://localhost.example.com"}, "127.0.0.1", false},
		"what is allowed":                      {Endpoint{URL: prom, AllowAddresses: []string{"169.254.20.0/24"}}, "169.254.20.10", true},
		"what is beside it":                    {Endpoint{URL: prom, AllowAddresses: []string{"169.254.20.0/24"}}, "169.254.21.10", false},
		"one address that is allowed":          {Endpoint{URL: prom, AllowAddresses: []string{"::1"}}, "::1", true},
		"what is denied":                       {Endpoint{URL: prom, DenyAddresses: []string{"10.0.0.0/8"}}, "10.96.0.10", false},
		"denied and allowed":                   {Endpoint{URL: prom, DenyAddresses: []string{"10.0.0.1"}, AllowAddresses: []string{"10.0.0.0/8"}}, "10.0.0.1", false},
		"denied, mapped into IPv6":             {Endpoint{URL: prom, DenyAddresses: []string{"10.0.0.1"}}, "::ffff:10.0.0.1", false},
		"denied, by way of NAT64":              {Endpoint{URL: prom, DenyAddresses: []string{"10.0.0.1"}}, "64:ff9b::a00:1", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.endpoint.MayDial(netip.MustParseAddr(tc.address))
			if (err == nil) != tc.want {
				t.Errorf("MayDial(%s) = %v", tc.address, err)
			}
		})
	}
}
