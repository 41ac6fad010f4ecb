package page

import (
	"context"
	"errors"

	"holdfast.dev/holdfast/internal/page/person"
)

// Door says who may come in.
type Door interface {
	// Enter is who shows a token, or ErrStranger, or ErrBusy.
	Enter(ctx context.Context, token string) (*Visitor, error)
}

// Visitor is a person who came in.
type Visitor struct {
	// ID is the same for one person each time; Name is how they are called.
	ID, Name string
	// Sees says whether they may list the runs of a namespace.
	Sees func(ctx context.Context, namespace string) (bool, error)
	// Person acts with their own credentials.
	Person *person.Person
}

// What a door says to those it does not let in.
var (
	// ErrStranger: the token is none, or of nobody, or has expired.
	ErrStranger = errors.New("the token is not known to the API server, or has expired")
	// ErrBusy: it cannot be found out at present.
	ErrBusy = errors.New("who you are cannot be found out at present; try again soon")
)
