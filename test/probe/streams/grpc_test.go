package streams

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// shop is a service whose messages are numbers: Buy answers with that status; Follow sends so many; Talk
// answers each; Wait waits for its client to go.
type shop struct{ left chan error }

func (s *shop) buy(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var n wrapperspb.Int64Value
	if err := decode(&n); err != nil {
		return nil, err
	}
	if n.Value != 0 {
		return nil, status.Error(codes.Code(n.Value), "as you wish")
	}
	return &n, nil
}

func (s *shop) follow(_ any, stream grpc.ServerStream) error {
	var n wrapperspb.Int64Value
	if err := stream.RecvMsg(&n); err != nil {
		return err
	}
	for i := range n.Value {
		if err := stream.SendMsg(wrapperspb.Int64(i)); err != nil {
			return err
		}
	}
	stream.SetTrailer(metadata.Pairs("sum", "1", "raw-bin", "\x00\xff"))
	return nil
}

func (s *shop) talk(_ any, stream grpc.ServerStream) error {
	for {
		var n wrapperspb.Int64Value
		if err := stream.RecvMsg(&n); errors.Is(err, io.EOF) {
			return status.Error(codes.AlreadyExists, "said all")
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(&n); err != nil {
			return err
		}
	}
}

func (s *shop) wait(_ any, stream grpc.ServerStream) error {
	<-stream.Context().Done()
	s.left <- stream.Context().Err()
	return stream.Context().Err()
}

func serve(t *testing.T, l net.Listener) (*shop, *grpc.Server) {
	t.Helper()
	s, server := &shop{left: make(chan error, 1)}, grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.Shop", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Buy", Handler: s.buy}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Follow", Handler: s.follow, ServerStreams: true}, {StreamName: "Talk", Handler: s.talk, ServerStreams: true, ClientStreams: true},
			{StreamName: "Wait", Handler: s.wait, ServerStreams: true, ClientStreams: true},
		},
	}, s)
	go server.Serve(l) //nolint:errcheck // stopped below
	t.Cleanup(server.Stop)
	return s, server
}

func client(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestStatusesOfCalls(t *testing.T) {
	l := listen(t)
	serve(t, l)
	address, registry := through(t, l)
	conn := client(t, address)
	for _, code := range []codes.Code{0, 0, codes.NotFound, codes.Unavailable, codes.Unauthenticated, codes.DataLoss} {
		var got wrapperspb.Int64Value
		if err := conn.Invoke(t.Context(), "/shop.Shop/Buy", wrapperspb.Int64(int64(code)), &got); status.Code(err) != code {
			t.Errorf("%v, want %v", err, code)
		}
	}
	if err := conn.Invoke(t.Context(), "/shop.Shop/Steal", wrapperspb.Int64(0), &wrapperspb.Int64Value{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("%v, want that there is no such method", err)
	}
	counts(t, registry, "1 200 DATA_LOSS, 1 200 NOT_FOUND, 1 200 UNAUTHENTICATED, 1 200 UNAVAILABLE, 1 200 UNIMPLEMENTED, 2 200 OK")
}

func TestStreamsOfTheServer(t *testing.T) {
	l := listen(t)
	serve(t, l)
	address, registry := through(t, l)
	stream, err := client(t, address).NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/shop.Shop/Follow")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.SendMsg(wrapperspb.Int64(1000)), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	for i := range int64(1000) {
		var got wrapperspb.Int64Value
		if err := stream.RecvMsg(&got); err != nil || got.Value != i {
			t.Fatalf("got %d, %v, want %d", got.Value, err, i)
		}
	}
	if err := stream.RecvMsg(&wrapperspb.Int64Value{}); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if got := stream.Trailer(); len(got["sum"]) != 1 || len(got["raw-bin"]) != 1 || got["raw-bin"][0] != "\x00\xff" {
		t.Errorf("trailers %v", got)
	}
	counts(t, registry, "1 200 OK")
}

// TestStreamsOfBoth: each message is answered before the next is sent, so none may wait.
func TestStreamsOfBoth(t *testing.T) {
	l := listen(t)
	serve(t, l)
	address, registry := through(t, l)
	stream, err := client(t, address).NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/shop.Shop/Talk")
	if err != nil {
		t.Fatal(err)
	}
	var got wrapperspb.Int64Value
	for i := range int64(200) {
		if err := errors.Join(stream.SendMsg(wrapperspb.Int64(i)), stream.RecvMsg(&got)); err != nil || got.Value != i {
			t.Fatalf("got %d, %v, want %d", got.Value, err, i)
		}
	}
	_ = stream.CloseSend()
	if err := stream.RecvMsg(&got); status.Code(err) != codes.AlreadyExists {
		t.Error(err)
	}
	counts(t, registry, "1 200 ALREADY_EXISTS")
}

func TestAClientThatCancelsOrWaitsNoLonger(t *testing.T) {
	l := listen(t)
	s, _ := serve(t, l)
	address, registry := through(t, l)
	conn := client(t, address)
	begin := func(ctx context.Context) grpc.ClientStream {
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/shop.Shop/Wait")
		if err == nil {
			err = stream.SendMsg(wrapperspb.Int64(0))
		}
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	ctx, cancel := context.WithCancel(t.Context())
	stream := begin(ctx)
	cancel()
	if err := stream.RecvMsg(&wrapperspb.Int64Value{}); status.Code(err) != codes.Canceled {
		t.Error(err)
	}
	if err := <-s.left; !errors.Is(err, context.Canceled) {
		t.Errorf("the server saw %v", err)
	}
	counts(t, registry, "1 other CANCELLED")

	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := begin(ctx).RecvMsg(&wrapperspb.Int64Value{}); status.Code(err) != codes.DeadlineExceeded {
		t.Error(err)
	}
	if err := <-s.left; err == nil {
		t.Error("the server saw no end")
	}
	eitherWay := func() bool { // the server may be the first to say so, by a reset or by a status
		got := counted(t, registry)
		return got == "1 200 DEADLINE_EXCEEDED, 1 other CANCELLED" || got == "1 other CANCELLED, 1 other DEADLINE_EXCEEDED"
	}
	for deadline := time.Now().Add(20 * time.Second); !eitherWay(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(counted(t, registry))
		}
	}
}

// TestAServerThatEndsTellsItsClients: GOAWAY comes to the client itself, which asks elsewhere, and the call
// under way is answered.
func TestAServerThatEndsTellsItsClients(t *testing.T) {
	l := listen(t)
	_, server := serve(t, l)
	address, registry := through(t, l)
	conn := client(t, address)
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/shop.Shop/Talk")
	if err != nil {
		t.Fatal(err)
	}
	var got wrapperspb.Int64Value
	if err := errors.Join(stream.SendMsg(wrapperspb.Int64(1)), stream.RecvMsg(&got)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.GracefulStop()
	}()
	if !conn.WaitForStateChange(t.Context(), conn.GetState()) {
		t.Error("the client was not told")
	}
	if err := errors.Join(stream.SendMsg(wrapperspb.Int64(2)), stream.RecvMsg(&got)); err != nil || got.Value != 2 {
		t.Errorf("%d, %v", got.Value, err)
	}
	_ = stream.CloseSend()
	if err := stream.RecvMsg(&got); status.Code(err) != codes.AlreadyExists {
		t.Error(err)
	}
	<-ended
	counts(t, registry, "1 200 ALREADY_EXISTS")
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	l := listen(t)
	l.Close()
	address, registry := through(t, l)
	if err := client(t, address).Invoke(t.Context(), "/shop.Shop/Buy", wrapperspb.Int64(0), &wrapperspb.Int64Value{}); status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
	counts(t, registry, "1 502 UNAVAILABLE")
}
