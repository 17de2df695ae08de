package clinic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"golang.org/x/oauth2"
)

// What follows is never run. It names everything that the library promises, in the very types that
// it promised: a name that changes stops this file from compiling, as it would stop its users'.

const (
	_ string = coviu.DefaultBaseURL
	_ string = coviu.Version

	_ coviu.Role  = coviu.RoleHost + coviu.RoleGuest + coviu.RoleParticipant + "open to new ones"
	_ coviu.Order = coviu.OrderForward + coviu.OrderReverse + "open to new ones"
)

// Creating clients.
var (
	_ func(apiKey, keySecret string, opts ...coviu.Option) (*coviu.Client, error) = coviu.NewClient

	_ func(*coviu.Client, context.Context, string) (*oauth2.Token, error)        = (*coviu.Client).Exchange
	_ func(*coviu.Client, context.Context) (*oauth2.Token, error)                = (*coviu.Client).Token
	_ func(*coviu.Client, *oauth2.Token, ...coviu.Option) (*coviu.Client, error) = (*coviu.Client).As
	_ func(*coviu.Client)                                                        = (*coviu.Client).CloseIdleConnections
	_ func(string) coviu.Option                                                  = coviu.WithBaseURL
	_ func() coviu.Option                                                        = coviu.WithInsecureHTTP
	_ func(*http.Client) coviu.Option                                            = coviu.WithHTTPClient
	_ func(string) coviu.Option                                                  = coviu.WithUserAgent
	_ func(*slog.Logger) coviu.Option                                            = coviu.WithLogger
	_ func(coviu.RetryPolicy) coviu.Option                                       = coviu.WithRetry
	_ func(time.Duration) coviu.Option                                           = coviu.WithAttemptTimeout
	_ func(int64) coviu.Option                                                   = coviu.WithMaxResponseSize
	_ func(*oauth2.Token) coviu.Option                                           = coviu.WithToken
	_ func(oauth2.TokenSource) coviu.Option                                      = coviu.WithTokenSource
	_ func(coviu.TokenStore) coviu.Option                                        = coviu.WithTokenStore
	_ func() coviu.Option                                                        = coviu.WithRFC1123Dates
	_ func(func(context.Context, coviu.ResponseInfo)) coviu.Option               = coviu.WithResponseHook
)

// The services, whose types nobody but the library fills.
type (
	sessions interface {
		Create(context.Context, *coviu.SessionCreationRequest) (*coviu.Session, error)
		Get(ctx context.Context, sessionID string, opts *coviu.SessionGetOptions) (*coviu.Session, error)
		List(context.Context, *coviu.SessionListOptions) (*coviu.SessionPage, error)
		Update(ctx context.Context, sessionID string, req *coviu.SessionUpdateRequest) (*coviu.Session, error)
		Delete(ctx context.Context, sessionID string) (*coviu.UnitResponse, error)
		Pages(context.Context, *coviu.SessionListOptions) iter.Seq2[*coviu.SessionPage, error]
		All(context.Context, *coviu.SessionListOptions) iter.Seq2[*coviu.Session, error]
		CreateOnce(ctx context.Context, key string, req *coviu.SessionCreationRequest) (*coviu.Session, error)
	}
	participants interface {
		Add(ctx context.Context, sessionID string, req *coviu.ParticipantCreationRequest) (*coviu.Participant, error)
		List(ctx context.Context, sessionID string, opts *coviu.ParticipantListOptions) (*coviu.ParticipantPage, error)
		Get(ctx context.Context, participantID string) (*coviu.Participant, error)
		Update(ctx context.Context, participantID string, req *coviu.ParticipantUpdateRequest) (*coviu.Participant, error)
		Delete(ctx context.Context, participantID string) (*coviu.UnitResponse, error)
	}
)

var (
	_ sessions     = (*coviu.SessionService)(nil)
	_ participants = (*coviu.ParticipantService)(nil)

	_ = func(c *coviu.Client) (*coviu.SessionService, *coviu.ParticipantService) {
		return c.Sessions, c.Participants
	}
)

// The fields of everything that has some: a value of another type would not be assignable.
func _(
	text string, optionalText *string, number int, big int64, yes bool, wait time.Duration, at time.Time, optionalTime *time.Time,
	bytes []byte, header http.Header, texts []string, extra map[string]json.RawMessage, role coviu.Role, optionalRole *coviu.Role,
	order coviu.Order, err error,
) {
	_ = coviu.RetryPolicy{MaxAttempts: number, BaseDelay: wait, MaxDelay: wait}
	_ = coviu.ResponseInfo{
		Operation: text, StatusCode: number, Attempts: number, Header: header, Duration: wait, Err: err,
	}
	_ = coviu.WithMaxResponseSize(big)

	person := coviu.Participant{
		ParticipantID: text, SessionID: text, ClientID: text, DisplayName: text, Picture: text, State: text, EntryURL: text,
		CoviuUserID: text, UserHint: text, Phone: text, Fee: text, Role: role, DeletedAt: optionalTime, Extra: extra,
	}
	session := coviu.Session{
		SessionID: text, TeamID: text, ClientID: text, SessionName: text, Picture: text, StartTime: at, EndTime: at,
		CanceledTime: optionalTime, ActualEndTime: optionalTime, Participants: []coviu.Participant{person},
		FeatureFlags: texts, Extra: extra,
	}
	_ = coviu.SessionPage{Content: []coviu.Session{session}, More: yes, Page: number, PageSize: number, PageCount: number}
	_ = coviu.ParticipantPage{Content: []coviu.Participant{person}, More: yes, Page: number, PageSize: number, PageCount: number}
	_ = coviu.UnitResponse{OK: yes}

	_ = coviu.SessionGetOptions{DeletedParticipants: yes}
	_ = coviu.ParticipantListOptions{DeletedParticipants: yes}
	_ = coviu.SessionListOptions{
		Page: number, PageSize: number, Prefetch: number, StartTime: at, EndTime: at,
		IncludeCanceled: yes, DeletedParticipants: yes, State: text, Order: order,
	}
	guest := coviu.ParticipantCreationRequest{DisplayName: text, Picture: text, State: text, Phone: text, Role: role}
	_ = coviu.SessionCreationRequest{
		SessionName: text, Picture: text, StartTime: at, EndTime: at,
		Participants: []coviu.ParticipantCreationRequest{guest}, FeatureFlags: texts,
	}
	_ = coviu.SessionUpdateRequest{SessionName: optionalText, Picture: optionalText, StartTime: optionalTime, EndTime: optionalTime}
	_ = coviu.ParticipantUpdateRequest{DisplayName: optionalText, Picture: optionalText, State: optionalText, Role: optionalRole}

	_ = []error{
		&coviu.ValidationError{Field: text, Reason: text},
		&coviu.APIError{
			Operation: text, StatusCode: number, Code: text, Message: text, RequestID: text, RetryAfter: wait,
			Body: bytes, Header: header, Attempts: number,
		},
		&coviu.DecodeError{Operation: text, StatusCode: number, Field: text},
		&coviu.TokenError{Grant: text, StatusCode: number, Code: text, Description: text},
		&coviu.OutcomeUnknownError{Operation: text, Err: err},
		&coviu.ListError{Page: number, PageSize: number, Err: err},
		&coviu.KeyError{Sessions: []coviu.Session{session}},
	}
}

var _ = []error{
	coviu.ErrInvalidRequest, coviu.ErrBadRequest, coviu.ErrUnauthorized, coviu.ErrForbidden, coviu.ErrNotFound,
	coviu.ErrConflict, coviu.ErrRateLimited, coviu.ErrServer, coviu.ErrUnexpectedResponse, coviu.ErrAuthentication,
	coviu.ErrReauthorize, coviu.ErrOutcomeUnknown, coviu.ErrKeyConflict, coviu.ErrPreviouslyCanceled, coviu.ErrDuplicate,
}

// Models and errors keep themselves out of logs, and models read and write JSON.
var (
	_ = []fmt.Formatter{
		coviu.Session{}, coviu.Participant{}, coviu.SessionPage{}, coviu.ParticipantPage{},
	}
	_ = []slog.LogValuer{
		coviu.Session{}, coviu.Participant{}, coviu.SessionPage{}, coviu.ParticipantPage{},
	}
	_ = []json.Marshaler{coviu.Session{}, coviu.Participant{}}
	_ = []json.Unmarshaler{new(coviu.Session), new(coviu.Participant)}
)

// IsTransient is what a caller's own retry loop might ask: the sentinels work with errors.Is.
func IsTransient(err error) bool {
	return errors.Is(err, coviu.ErrServer) || errors.Is(err, coviu.ErrRateLimited)
}
