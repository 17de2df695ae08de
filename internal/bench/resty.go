package main

import (
	"context"
	"fmt"
	"net/http"

	resty2 "github.com/go-resty/resty/v2"
	resty3 "resty.dev/v3"
)

func newResty2(baseURL string, hc *http.Client) client {
	r := resty2.NewWithClient(hc).SetDisableWarn(true).SetBaseURL(baseURL).SetAuthToken(accessToken).
		SetHeader("Accept", "application/json")
	settle := func(response *resty2.Response, err error) error {
		if err == nil && response.IsError() {
			return fmt.Errorf("status %s", response.Status())
		}
		return err
	}
	booking := newCreationRequest()
	return client{name: "resty v2", calls: map[string]call{
		opGet: func(ctx context.Context) (proof, error) {
			s := new(session)
			err := settle(r.R().SetContext(ctx).SetPathParam("session_id", sessionID).SetResult(s).Get("/sessions/{session_id}"))
			if err != nil {
				return proof{}, err
			}
			return s.proof(), nil
		},
		opCreate: func(ctx context.Context) (proof, error) {
			s := new(session)
			err := settle(r.R().SetContext(ctx).SetBody(booking).SetResult(s).Post("/sessions"))
			if err != nil {
				return proof{}, err
			}
			return s.proof(), nil
		},
		opPage: func(ctx context.Context) (proof, error) {
			p := new(sessionPage)
			err := settle(r.R().SetContext(ctx).SetQueryParam("page", "0").SetQueryParam("page_size", "200").
				SetResult(p).Get("/sessions"))
			if err != nil {
				return proof{}, err
			}
			return p.proof(), nil
		},
	}}
}

func newResty3(baseURL string, hc *http.Client) client {
	r := resty3.NewWithClient(hc).SetLoggerWarnLevel(true).SetBaseURL(baseURL).SetAuthToken(accessToken).
		SetHeader("Accept", "application/json")
	settle := func(response *resty3.Response, err error) error {
		if err == nil && response.IsStatusFailure() {
			return fmt.Errorf("status %s", response.Status())
		}
		return err
	}
	booking := newCreationRequest()
	return client{name: "resty v3 (rc)", calls: map[string]call{
		opGet: func(ctx context.Context) (proof, error) {
			s := new(session)
			err := settle(r.R().SetContext(ctx).SetPathParam("session_id", sessionID).SetResult(s).Get("/sessions/{session_id}"))
			if err != nil {
				return proof{}, err
			}
			return s.proof(), nil
		},
		opCreate: func(ctx context.Context) (proof, error) {
			s := new(session)
			err := settle(r.R().SetContext(ctx).SetBody(booking).SetResult(s).Post("/sessions"))
			if err != nil {
				return proof{}, err
			}
			return s.proof(), nil
		},
		opPage: func(ctx context.Context) (proof, error) {
			p := new(sessionPage)
			err := settle(r.R().SetContext(ctx).SetQueryParam("page", "0").SetQueryParam("page_size", "200").
				SetResult(p).Get("/sessions"))
			if err != nil {
				return proof{}, err
			}
			return p.proof(), nil
		},
	}}
}
