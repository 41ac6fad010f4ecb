package page

import (
	"context"
	"net/http"
	"strings"
	"time"

	"k8s.io/utils/clock"
)

// Options say what a page is about.
type Options struct {
	Door  Door
	Board *Board
	Clock clock.WithTicker
	// Local says that it is served beside kubectl, for one person and no longer than they want.
	Local bool
	// Hosts are the only values of the header Host that are answered; all are if there are none.
	Hosts []string
	// Ready is closed when the board has all runs.
	Ready <-chan struct{}
	// Trouble says why the board may be behind, "" if it is not; nil if it never is.
	Trouble func() string
	// Past asks for values that statuses do not have; nil where there is no endpoint to ask.
	Past Past
	// Metrics may be nil.
	Metrics *Metrics
}

// Limits of what is asked at once.
const (
	// mostStreams is how many tabs follow at once, mostOfOne how many of one person.
	mostStreams = 256
	mostOfOne   = 12
	// atOnce is how many other questions are answered at once.
	atOnce = 32
	// answerTime is how long the answer to one may take.
	answerTime = 20 * time.Second
	// maxBody is how much of a request is read, in bytes.
	maxBody = 4 << 10
	// maxToken is how long a token may be, in bytes.
	maxToken = 32 << 10
)

// server answers.
type server struct {
	Options
	streams *seats
	slots   chan struct{}
}

// Handler is all of the page.
func Handler(o Options) http.Handler {
	s := &server{Options: o, streams: newSeats(mostStreams, mostOfOne), slots: make(chan struct{}, atOnce)}
	mux := http.NewServeMux()
	serveAssets(mux)
	mux.HandleFunc("GET /api/stream", s.known(s.stream))
	const run = "/api/runs/{namespace}/{name}"
	for path, answer := range map[string]func(*http.Request, *Visitor) (any, error){
		"GET " + run:                 s.detail,
		"GET " + run + "/events":     s.events,
		"GET " + run + "/difference": s.difference,
		"GET " + run + "/earlier":    s.earlier,
		"GET " + run + "/rights":     s.rights,
		"POST " + run + "/{verb}":    s.decide,
	} {
		mux.HandleFunc(path, s.known(s.brief(answer)))
	}
	return s.guarded(mux)
}

// policy lets the page load its own files alone, be framed by nobody, and send forms nowhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guarded sets what every answer has, and refuses what other sites have a browser ask.
func (s *server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		if !s.isHost(r.Host) {
			refuse(w, http.StatusMisdirectedRequest, "this address is not the one that was printed; open that")
			return
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
			if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
				refuse(w, http.StatusForbidden, "another site asks this in your name")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) isHost(host string) bool {
	if len(s.Hosts) == 0 {
		return true
	}
	for _, known := range s.Hosts {
		if strings.EqualFold(host, known) {
			return true
		}
	}
	return false
}

// known lets through who shows a token that the door knows.
func (s *server) known(next func(http.ResponseWriter, *http.Request, *Visitor)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		v, err := s.enter(ctx, r)
		cancel()
		if err != nil {
			s.fail(w, r, err)
			return
		}
		next(w, r, v)
	}
}

func (s *server) enter(ctx context.Context, r *http.Request) (*Visitor, error) {
	token, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token = strings.TrimSpace(token); !is || token == "" || len(token) > maxToken {
		return nil, ErrStranger
	}
	select {
	case <-s.Ready:
	default:
		return nil, ErrBusy
	}
	return s.Door.Enter(ctx, token) //nolint:wrapcheck // fail asks which it is
}

// brief answers a question that takes no long time.
func (s *server) brief(answer func(*http.Request, *Visitor) (any, error)) func(http.ResponseWriter, *http.Request, *Visitor) {
	return func(w http.ResponseWriter, r *http.Request, v *Visitor) {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		default:
			s.fail(w, r, ErrBusy)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		r = r.WithContext(ctx)
		namespace := r.PathValue("namespace")
		sees, err := v.Sees(ctx, namespace)
		if err == nil && !sees {
			err = errUnseen(namespace)
		}
		var out any
		if err == nil {
			out, err = answer(r, v)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.Metrics.count(kindOf(r), answerOK)
		reply(w, http.StatusOK, out)
	}
}
