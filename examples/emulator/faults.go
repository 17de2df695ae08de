package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

// faultRequest is the body of POST /_control/faults.
type faultRequest struct {
	Operation string   `json:"operation"`
	Fault     string   `json:"fault"`
	Duration  duration `json:"duration"`
	Bytes     int      `json:"bytes"`
	Status    int      `json:"status"`
	Body      string   `json:"body"`

	Times       int      `json:"times"`
	Always      bool     `json:"always"`
	After       int      `json:"after"`
	Grant       string   `json:"grant"`
	CarriedOut  bool     `json:"carried_out"`
	ListedAfter duration `json:"listed_after"`
}

// fault makes the fault that was asked for.
func (f faultRequest) fault() (coviutest.Fault, error) {
	switch {
	case f.Operation != coviutest.AnyOperation && !slices.Contains(coviutest.Operations(), f.Operation):
		return coviutest.Fault{}, fmt.Errorf("operation: %q is none; GET %s lists them", f.Operation, controlPath)
	case f.Times < 0 || f.After < 0 || f.Bytes < 0:
		return coviutest.Fault{}, errors.New("times, after and bytes can't be negative")
	case f.Duration < 0 || f.ListedAfter < 0:
		return coviutest.Fault{}, errors.New("duration and listed_after can't be negative")
	case f.Duration == 0 && slices.Contains([]string{"delay", "carry_out_late", "list_late"}, f.Fault):
		return coviutest.Fault{}, fmt.Errorf("duration: %s needs one, such as \"5s\"", f.Fault)
	}
	fault, err := f.kind()
	if err != nil {
		return coviutest.Fault{}, err
	}
	fault = fault.After(f.After).ListedAfter(max(time.Duration(f.ListedAfter), f.listLate()))
	if f.Times > 0 {
		fault = fault.Times(f.Times)
	}
	if f.Always {
		fault = fault.Always()
	}
	if f.Grant != "" {
		fault = fault.ForGrant(f.Grant)
	}
	if f.CarriedOut {
		fault = fault.CarriedOut()
	}
	return fault, nil
}

func (f faultRequest) listLate() time.Duration {
	if f.Fault == "list_late" {
		return time.Duration(f.Duration)
	}
	return 0
}

func (f faultRequest) kind() (coviutest.Fault, error) {
	d := time.Duration(f.Duration)
	switch f.Fault {
	case "delay":
		return coviutest.Delay(d), nil
	case "hang":
		return coviutest.Hang(), nil
	case "reset":
		return coviutest.Reset(), nil
	case "lose_reply":
		return coviutest.LoseReply(), nil
	case "carry_out_late":
		return coviutest.CarryOutLate(d), nil
	case "list_late":
		return coviutest.ListLate(d), nil
	case "cut_body":
		return coviutest.CutBody(f.Bytes), nil
	case "stall_body":
		return coviutest.StallBody(f.Bytes), nil
	case "unavailable":
		return coviutest.Unavailable(), nil
	case "rate_limit":
		return coviutest.RateLimit(d), nil
	case "refuse_refresh":
		return coviutest.RefuseRefresh(), nil
	case "status":
		if f.Status < http.StatusOK || f.Status > 999 {
			return coviutest.Fault{}, errors.New("status: not from 200 to 999")
		}
		return coviutest.Status(f.Status, nil, f.Body), nil
	}
	return coviutest.Fault{}, fmt.Errorf("fault: %q is none", f.Fault)
}
