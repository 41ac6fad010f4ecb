package inbound

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/internal/clientcert"
	"holdfast.dev/holdfast/internal/outbound/transport"
)

// Where what is taken.
const (
	alertsPath = "/alerts"
	killPath   = "/kill"
)

const (
	// maxBody is how much of a group is read, in bytes.
	maxBody = 8 << 20
	// readTimeout is how long a group may take to come, and takeTimeout to be worked at: Alertmanager waits for
	// 10 s unless it is told otherwise.
	readTimeout = 10 * time.Second
	takeTimeout = 9 * time.Second
	// atOnce is how many groups are worked at; more are told to come later.
	atOnce = 4
	// farewell is how long groups under way have when the process ends.
	farewell = 10 * time.Second
)

// Server takes groups of alerts. It is a manager.Runnable of every replica.
type Server struct {
	// Address is where it listens, such as ":9095".
	Address string
	// TLS has its certificate.
	TLS *tls.Config
	// TokenFile has the bearer token that a request must have. It is read at each.
	TokenFile string
	// Clients are those who may call by the certificates they show. Either of both must be there, and what is
	// there is asked for.
	Clients *clientcert.Clients
	// Judge takes what comes at /alerts, Killer at /kill; nothing is at the path of one that is nil.
	Judge  *Judge
	Killer *Killer
	// Ready is closed when the runs are known; groups are taken after that.
	Ready   <-chan struct{}
	Metrics *Metrics
}

var errNobodyIsKnown = errors.New("needs a bearer token or certificates by which senders are known")

// Check says what is missing.
func (s *Server) Check() error {
	if s.TokenFile == "" && s.Clients == nil {
		return errNobodyIsKnown
	}
	if s.TokenFile != "" {
		if _, err := transport.ReadCredential(s.TokenFile); err != nil {
			return fmt.Errorf("read the bearer token: %w", err)
		}
	}
	if s.Clients != nil {
		return s.Clients.Check()
	}
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: a Service sends to any replica.
func (s *Server) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (s *Server) Start(ctx context.Context) error {
	config := s.TLS.Clone()
	if s.Clients != nil {
		s.Clients.Ask(config)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("listen for alerts: %w", err)
	}
	server := &http.Server{
		Handler: s.handler(), ReadTimeout: readTimeout, ReadHeaderTimeout: readTimeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(tls.NewListener(listener, config)) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve alerts: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("stop serving alerts: %w", err)
	}
	return nil
}

// handler is all that is served.
func (s *Server) handler() http.Handler {
	mux, slots := http.NewServeMux(), make(chan struct{}, atOnce)
	for path, take := range map[string]func(context.Context, group) error{alertsPath: s.alerts(), killPath: s.kill()} {
		if take == nil {
			continue
		}
		mux.Handle("POST "+path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := s.answer(w, r, slots, take)
			s.Metrics.groups.WithLabelValues(path, answer).Inc()
		}))
	}
	known := s.byToken(mux)
	if s.Clients != nil {
		known = s.Clients.Only("--alerts-client-ca-file", known)
	}
	return known
}

func (s *Server) alerts() func(context.Context, group) error {
	if s.Judge == nil {
		return nil
	}
	return s.Judge.take
}

func (s *Server) kill() func(context.Context, group) error {
	if s.Killer == nil {
		return nil
	}
	return s.Killer.take
}

// byToken lets through who has the token.
func (s *Server) byToken(next http.Handler) http.Handler {
	if s.TokenFile == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := transport.ReadCredential(s.TokenFile)
		if err != nil {
			ctrl.Log.WithName("alerts").Error(err, "the bearer token of senders cannot be read")
			http.Error(w, "holdfast: nobody is known at present", http.StatusServiceUnavailable)
			return
		}
		shown, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(shown)) // of one length, whatever was shown
		if !is || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "holdfast: show the bearer token of --alerts-token-file", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answer works at one request. It returns what was answered, as metrics name it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, slots chan struct{}, take func(context.Context, group) error) string {
	log := ctrl.Log.WithName("alerts").WithValues("path", r.URL.Path)
	later := func(why string) string {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "holdfast: "+why+"; send it again", http.StatusServiceUnavailable)
		return answerLater
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	default:
		return later("too many groups of alerts are worked at")
	}
	select {
	case <-s.Ready:
	default:
		return later("the runs are not known yet")
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			http.Error(w, fmt.Sprintf("holdfast: a group of more than %d MiB is not taken; set max_alerts of the receiver", maxBody>>20), http.StatusRequestEntityTooLarge)
			return answerRefused
		}
		return later("the group did not come whole")
	}
	g, err := parse(data)
	if err != nil {
		log.Info("what was sent is no group of alerts", "why", err.Error())
		http.Error(w, "holdfast: "+err.Error(), http.StatusBadRequest)
		return answerRefused
	}
	ctx, cancel := context.WithTimeout(ctrl.LoggerInto(r.Context(), log), takeTimeout)
	defer cancel()
	if err := take(ctx, g); err != nil {
		log.Error(err, "a group of alerts could not be worked at to its end")
		return later("the group could not be worked at to its end")
	}
	return answerTaken
}
