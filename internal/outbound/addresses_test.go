package outbound

import (
	"net/netip"
	"testing"
)

func TestMayDial(t *testing.T) {
	const prom = "http://prometheus.monitoring.svc"
	for name, tc := range map[string]struct {
		target  Target
		address string
		want    bool
	}{
		"a cluster's address":                  {Target{URL: prom}, "10.96.0.10", true},
		"a public one":                         {Target{URL: prom}, "203.0.113.7", true},
		"IPv6":                                 {Target{URL: prom}, "2001:db8::1", true},
		"a private one in IPv6":                {Target{URL: prom}, "fd12:3456::1", true},
		"metadata":                             {Target{URL: prom}, "169.254.169.254", false},
		"metadata that the URL names":          {Target{URL: "http://169.254.169.254"}, "169.254.169.254", false},
		"metadata, mapped into IPv6":           {Target{URL: prom}, "::ffff:169.254.169.254", false},
		"metadata by way of NAT64":             {Target{URL: prom}, "64:ff9b::a9fe:a9fe", false},
		"metadata by way of a local NAT64":     {Target{URL: prom}, "64:ff9b:1::a9fe:a9fe", false},
		"metadata by way of 6to4":              {Target{URL: prom}, "2002:a9fe:a9fe::1", false},
		"metadata of AWS in IPv6":              {Target{URL: prom}, "fd00:ec2::254", false},
		"metadata of Google in IPv6":           {Target{URL: prom}, "fd20:ce::254", false},
		"metadata of Alibaba":                  {Target{URL: prom}, "100.100.100.200", false},
		"link-local":                           {Target{URL: prom}, "fe80::1%eth0", false},
		"unspecified":                          {Target{URL: prom}, "0.0.0.0", false},
		"unspecified in IPv6":                  {Target{URL: prom}, "::", false},
		"this network":                         {Target{URL: prom}, "0.1.2.3", false},
		"multicast":                            {Target{URL: prom}, "224.0.0.1", false},
		"multicast in IPv6":                    {Target{URL: prom}, "ff02::1", false},
		"broadcast":                            {Target{URL: prom}, "255.255.255.255", false},
		"a name that resolves to loopback":     {Target{URL: prom}, "127.0.0.1", false},
		"one in IPv6":                          {Target{URL: prom}, "::1", false},
		"loopback that the URL names":          {Target{URL: "http://127.0.0.1:9090"}, "127.0.0.1", true},
		"loopback in IPv6 that the URL names":  {Target{URL: "http://[::1]:9090"}, "::1", true},
		"localhost":                            {Target{URL: "http://LocalHost.:9090"}, "127.0.0.1", true},
		"localhost that resolves to something": {Target{URL: "http://localhost"}, "169.254.169.254", false},
		"a name that begins like localhost":    {Target{URL: "http://localhost.example.com"}, "127.0.0.1", false},
		"what is allowed":                      {Target{URL: prom, AllowAddresses: []string{"169.254.20.0/24"}}, "169.254.20.10", true},
		"what is beside it":                    {Target{URL: prom, AllowAddresses: []string{"169.254.20.0/24"}}, "169.254.21.10", false},
		"one address that is allowed":          {Target{URL: prom, AllowAddresses: []string{"::1"}}, "::1", true},
		"what is denied":                       {Target{URL: prom, DenyAddresses: []string{"10.0.0.0/8"}}, "10.96.0.10", false},
		"denied and allowed":                   {Target{URL: prom, DenyAddresses: []string{"10.0.0.1"}, AllowAddresses: []string{"10.0.0.0/8"}}, "10.0.0.1", false},
		"denied, mapped into IPv6":             {Target{URL: prom, DenyAddresses: []string{"10.0.0.1"}}, "::ffff:10.0.0.1", false},
		"denied, by way of NAT64":              {Target{URL: prom, DenyAddresses: []string{"10.0.0.1"}}, "64:ff9b::a00:1", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.target.MayDial(netip.MustParseAddr(tc.address))
			if (err == nil) != tc.want {
				t.Errorf("MayDial(%s) = %v", tc.address, err)
			}
		})
	}
}
