package listing

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// Server lists the objects of an API server.
type Server struct {
	client rest.Interface
	mapper meta.RESTMapper
	// large are the turns of lists that have had an object beyond smallObject.
	large *semaphore.Weighted
}

// largeAtOnce is how many lists with large objects are read at once. Such an object
// takes its JSON twice, and where it is decoded some ten times that.
const largeAtOnce = 2

// NewServer makes one that asks by the configuration of a client.
func NewServer(config *rest.Config, transport *http.Client, mapper meta.RESTMapper) (*Server, error) {
	config = rest.CopyConfig(config)
	config.GroupVersion = &schema.GroupVersion{}
	config.NegotiatedSerializer = serializer.WithoutConversionCodecFactory{CodecFactory: scheme.Codecs}
	c, err := rest.UnversionedRESTClientForConfigAndClient(config, transport)
	if err != nil {
		return nil, fmt.Errorf("make client for lists: %w", err)
	}
	return &Server{client: c, mapper: mapper, large: semaphore.NewWeighted(largeAtOnce)}, nil
}

// The forms in which lists are asked for.
const (
	wholeObjects = "application/json"
	metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

// Each implements Lister.
func (s *Server) Each(ctx context.Context, q Query, visit func(object []byte) error) error {
	mapping, err := s.mapper.RESTMapping(q.Kind.GroupKind(), q.Kind.Version)
	if err != nil {
		return fmt.Errorf("list objects of kind %s: %w", q.Kind.Kind, err)
	}
	path := "/apis/" + q.Kind.Group + "/" + q.Kind.Version
	if q.Kind.Group == "" {
		path = "/api/" + q.Kind.Version
	}
	request := s.client.Get().AbsPath(path).NamespaceIfScoped(q.Namespace, q.Namespace != "").
		Resource(mapping.Resource.Resource).SetHeader("Accept", wholeObjects)
	if q.MetadataOnly {
		request.SetHeader("Accept", metadataOnly)
	}
	if q.Selector != nil {
		request.Param("labelSelector", q.Selector.String())
	}
	if q.Cached {
		request.Param("resourceVersion", "0")
	}
	body, err := request.Stream(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	return s.read(ctx, body, q, visit)
}

func (s *Server) read(ctx context.Context, body io.Reader, q Query, visit func([]byte) error) error {
	from := &reader{from: body, ctx: ctx, large: s.large, left: q.most(), until: q.Until}
	defer from.end()
	return eachItem(from, visit)
}
