package outbound

// Target is a server that an administrator has Holdfast talk to.
type Target struct {
	// URL is where it is.
	URL string `json:"url"`
	// Auth says who Holdfast is there; nobody, if it is empty.
	Auth Auth `json:"auth,omitempty,omitzero"`
	// TLS is for https: whom to trust, and a client certificate.
	TLS TLS `json:"tls,omitempty,omitzero"`
	// Headers are sent with every request, for example X-Scope-OrgID.
	Headers map[string]string `json:"headers,omitempty"`
	// AllowAddresses are IP addresses, and ranges of them, at which the target
	// may be although that is refused otherwise (see MayDial), DenyAddresses those
	// at which it may not be.
	AllowAddresses []string `json:"allowAddresses,omitempty"`
	DenyAddresses  []string `json:"denyAddresses,omitempty"`
}

// Auth is one way of many to say who one is. Files are read anew for each request,
// so what is in them may change at any time.
type Auth struct {
	BearerTokenFile string `json:"bearerTokenFile,omitempty"`
	Basic           *Basic `json:"basic,omitempty"`
}

// Basic is a user name and a file with the password.
type Basic struct {
	Username     string `json:"username"`
	PasswordFile string `json:"passwordFile"`
}

// TLS names files in PEM.
type TLS struct {
	// CAFile has the CAs to trust, the system's without it.
	CAFile string `json:"caFile,omitempty"`
	// CertFile and KeyFile are a client certificate and its key.
	CertFile string `json:"certFile,omitempty"`
	KeyFile  string `json:"keyFile,omitempty"`
	// ServerName is the name in the server's certificate, if it is not the host of the URL.
	ServerName string `json:"serverName,omitempty"`
}

// Files lists the files that are named.
func (t TLS) Files() []string {
	var out []string
	for _, name := range []string{t.CAFile, t.CertFile, t.KeyFile} {
		if name != "" {
			out = append(out, name)
		}
	}
	return out
}
