package coviu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"

	"github.com/coviu/coviu-go-sdk/internal/fieldpath"
	"github.com/coviu/coviu-go-sdk/internal/jsoncursor"
	"github.com/coviu/coviu-go-sdk/internal/route"
	"github.com/coviu/coviu-go-sdk/internal/safeerr"
)

// Call describes a request to an endpoint for which this library has no method.
// [Client.Do] sends it.
type Call struct {
	// Route is the method and the path below the base URL, with a {name} for each
	// argument, such as "GET /sessions/{session_id}/summary". The method is GET,
	// POST, PUT or DELETE. Errors, logs and hooks name the call by the route, so
	// it must hold no id.
	Route string
	// Args are the values for each {name}, in this order. They follow the rule for
	// ids: 1 to 128 letters, digits and characters of -._~$&+=:@.
	Args []string
	// Query is the query, nil for none.
	Query url.Values
	// Body is sent as JSON, written by [json.Marshal]. Nil sends no body.
	Body any
	// Into receives the body of the reply. It is a pointer for [json.Unmarshal], an
	// [io.Writer] for a body of any type and size, or nil to drop the body. What a
	// pointer points to is set only if the whole body could be read. A body of null
	// is an error if that type has no nil.
	Into any

	noPrint
}

// Do calls an endpoint for which this library has no method. The retries, the
// tokens, the logging and the errors are those of the other calls: a POST is sent
// at most once, unless it was provably not carried out.
//
// If Into is an [io.Writer], the body is copied to it as it arrives, without a
// limit of size. The attempt timeout then counts from the last byte. Once a byte
// was written, nothing is sent again: after an error, discard what was written.
// With any other Into, the body is limited as [WithMaxResponseSize] says; what
// [json.Unmarshal] makes of it can take many times as much memory. A DELETE that is
// answered with ok: false is then an [*APIError]. A partial reply (206) is always a
// [*DecodeError].
//
// A Route, an argument or a Body that can't be sent is a [*ValidationError]. Other
// errors are those of any call: [*APIError], [*DecodeError], [*TokenError] and
// [*OutcomeUnknownError].
func (c *Client) Do(ctx context.Context, endpoint Call) error {
	r, err := endpoint.request()
	if err != nil {
		return err
	}
	_, err = call(ctx, c, r, func(body []byte) (struct{}, error) {
		return struct{}{}, endpoint.decode(r.operation.method(), body)
	})
	return err
}

// request checks the call and makes the request of it.
func (e *Call) request() (request, error) {
	isSegment := func(s string) bool { return checkID("", s) == nil }
	path, problem := route.Fill(e.Route, e.Args, isSegment)
	if problem != nil {
		return request{}, &ValidationError{problem.Field, problem.Reason}
	}
	r := request{operation: operation(e.Route), path: path, query: e.Query.Encode()}
	if e.Body != nil {
		body, err := json.Marshal(e.Body)
		if err != nil {
			return request{}, &ValidationError{"Body", "can't be written as JSON"}
		}
		r.body = body
	}
	into := reflect.ValueOf(e.Into)
	isPointer := into.Kind() == reflect.Pointer
	w, isWriter := e.Into.(io.Writer)
	if isPointer && into.IsNil() || !isPointer && !isWriter && e.Into != nil {
		return request{}, &ValidationError{"Into", "is neither a pointer to a value nor an io.Writer"}
	}
	r.into = w
	return r, nil
}

// decode reads the body into Into. The error never quotes the body.
func (e *Call) decode(method string, body []byte) error {
	if method == http.MethodDelete {
		if len(body) == 0 {
			return nil
		}
		if _, err := decodeDeletion(body); errors.Is(err, errNotOK) {
			return err
		}
	}
	if _, streamed := e.Into.(io.Writer); streamed || e.Into == nil {
		return nil
	}
	into := reflect.ValueOf(e.Into).Elem()
	fresh := reflect.New(into.Type())
	if err := json.Unmarshal(body, fresh.Interface()); err != nil {
		return safeDecodeError(into.Type(), body, err)
	}
	if !canBeNull(into.Kind()) && string(bytes.TrimSpace(body)) == "null" {
		return &jsoncursor.Error{Reason: "null"}
	}
	into.Set(fresh.Elem())
	return nil
}

// canBeNull reports whether json.Unmarshal stores null. For other types it ignores
// null, and the caller would take an empty value for a reply.
func canBeNull(k reflect.Kind) bool {
	return k == reflect.Pointer || k == reflect.Map || k == reflect.Slice || k == reflect.Interface
}

func safeDecodeError(into reflect.Type, body []byte, err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &jsoncursor.Error{Field: fieldpath.Known(into, e.Field), Reason: "of another type"}
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		// Its offset does not tell a missing byte from a wrong last one.
		first := json.NewDecoder(bytes.NewReader(body)).Decode(new(json.RawMessage))
		return &jsoncursor.Error{Reason: "not JSON", Truncated: errors.Is(first, io.EOF) || errors.Is(first, io.ErrUnexpectedEOF)}
	}
	return safeerr.New("the body does not fit", err)
}
