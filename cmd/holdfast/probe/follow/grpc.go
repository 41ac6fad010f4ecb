package follow

import (
	"strconv"
	"strings"
	"time"
)

// GRPCStatus is a status of gRPC, one more than its number; 0 is none.
type GRPCStatus uint8

// Those that are made of what happened, and not only read.
const (
	NoGRPC                GRPCStatus = 0
	GRPCOK                GRPCStatus = 1
	GRPCCancelled         GRPCStatus = 2
	GRPCUnknown           GRPCStatus = 3
	GRPCDeadlineExceeded  GRPCStatus = 5
	GRPCPermissionDenied  GRPCStatus = 8
	GRPCResourceExhausted GRPCStatus = 9
	GRPCInternal          GRPCStatus = 14
	GRPCUnavailable       GRPCStatus = 15
)

// GRPCStatuses is how many there are, NoGRPC included.
const GRPCStatuses = 18

var grpcNames = [GRPCStatuses]string{
	"", "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// String is its name in gRPC's own documents.
func (s GRPCStatus) String() string { return grpcNames[s] }

// grpcStatus reads the value of the field grpc-status; clients take what is no status for UNKNOWN.
func grpcStatus(value string) GRPCStatus {
	n, err := strconv.ParseUint(value, 10, 8)
	if err != nil || n >= GRPCStatuses-1 {
		return GRPCUnknown
	}
	return GRPCStatus(n + 1)
}

// grpcReset is the status that clients give a stream which was reset with the code ("gRPC over HTTP2",
// Errors).
func grpcReset(code uint32) GRPCStatus {
	switch {
	case code == resetRefused:
		return GRPCUnavailable
	case code == resetCancel:
		return GRPCCancelled
	case code == resetCalm:
		return GRPCResourceExhausted
	case code == resetInsecure:
		return GRPCPermissionDenied
	case code < resetUnknown:
		return GRPCInternal
	default:
		return GRPCUnknown
	}
}

func isGRPC(contentType string) bool {
	rest, is := strings.CutPrefix(contentType, "application/grpc")
	return is && (rest == "" || rest[0] == '+' || rest[0] == ';') // and not grpc-web, whose status is in the body
}

var grpcUnits = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// grpcTimeout reads the value of the field grpc-timeout; 0 is none.
func grpcTimeout(value string) time.Duration {
	if len(value) < 2 || len(value) > 9 { // eight digits at most
		return 0
	}
	n, err := strconv.ParseUint(value[:len(value)-1], 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(n) * grpcUnits[value[len(value)-1]]
}
