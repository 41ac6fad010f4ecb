// Package follow reads along with what a client and an application say to each other, and finds the requests
// in it: HTTP/1, HTTP/2 in clear text and gRPC. It changes nothing and holds nothing back; what it cannot
// read passes all the same, and is a connection then instead of requests.
package follow

import "time"

// Sender is who sends.
type Sender int

// Who sends.
const (
	In  Sender = iota // the client
	Out               // the application
)

// Request is one that came to its end.
type Request struct {
	// Code is the status of the answer, 502 where the application broke it off or gave none, and 0 where there
	// is none because the client left.
	Code int
	GRPC GRPCStatus
	// Took is from the last byte of the request's head to the last one of the answer.
	Took time.Duration
}

// Observer is told of requests. Each that Began is Ended once.
type Observer interface {
	Began()
	Ended(Request)
	// Carried tells of bytes of bodies, and of all bytes of a connection that is not read.
	Carried(Sender, int)
}

// Ending is how two sides came apart.
type Ending int

// How two sides came apart.
const (
	// ApplicationClosed: it has said all that it had to say.
	ApplicationClosed Ending = iota
	// ApplicationBroke: its connection was reset.
	ApplicationBroke
	// ClientLeft: it was reset, or closed before the answer.
	ClientLeft
	// Stopped: the probe ended.
	Stopped
)
