package coviu

import (
	"cmp"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxIDLength = 128
	maxPageSize = 200
	// defaultPageSize is what the service takes for a page size of 0.
	defaultPageSize = 200
	maxPrefetch     = 64
)

// checkID allows the characters of the service's ids. None of them needs escaping in
// a segment of a path, so no id can lead to another route.
func checkID(field, id string) error {
	switch {
	case id == "":
		return &ValidationError{field, "is empty"}
	case len(id) > maxIDLength:
		return &ValidationError{field, "is longer than 128 bytes"}
	case id == "." || id == "..":
		return &ValidationError{field, "is a dot segment"}
	case strings.ContainsFunc(id, isForeignToIDs):
		return &ValidationError{field, "holds a character that no id has"}
	}
	return nil
}

func isForeignToIDs(r rune) bool {
	switch {
	case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-._~$&+=:@", r)
}

// checkTimes wants end after start where both are given. Nothing is compared
// with the local clock: the one that counts is the service's.
func checkTimes(start, end time.Time) error {
	if err := cmp.Or(checkYear("StartTime", start), checkYear("EndTime", end)); err != nil {
		return err
	}
	if !start.IsZero() && !end.IsZero() && !end.After(start) {
		return &ValidationError{"EndTime", "is not after StartTime"}
	}
	return nil
}

// checkYear allows the years 1 to 9999, which every date format can write.
func checkYear(field string, t time.Time) error {
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return &ValidationError{field, "has a year that can't be sent"}
	}
	return nil
}

// checkText refuses text that JSON can't carry: other text would arrive.
func checkText(field string, texts ...string) error {
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return &ValidationError{field, "is not UTF-8"}
		}
	}
	return nil
}

func (r *SessionCreationRequest) check() error {
	switch {
	case r == nil:
		return &ValidationError{"request", "is nil"}
	case r.StartTime.IsZero():
		return &ValidationError{"StartTime", "is required"}
	case r.EndTime.IsZero():
		return &ValidationError{"EndTime", "is required"}
	}
	if err := checkTimes(r.StartTime, r.EndTime); err != nil {
		return err
	}
	for i := range r.Participants {
		if err := r.Participants[i].check(); err != nil {
			return err
		}
	}
	if err := checkText("FeatureFlags", r.FeatureFlags...); err != nil {
		return err
	}
	return cmp.Or(checkText("SessionName", r.SessionName), checkText("Picture", r.Picture))
}

func (r *SessionUpdateRequest) check() error {
	if r == nil {
		return &ValidationError{"request", "is nil"}
	}
	if r.SessionName == nil && r.StartTime == nil && r.EndTime == nil && r.Picture == nil {
		return &ValidationError{"request", "changes nothing"}
	}
	if r.StartTime != nil && r.StartTime.IsZero() {
		return &ValidationError{"StartTime", "is zero"}
	}
	if r.EndTime != nil && r.EndTime.IsZero() {
		return &ValidationError{"EndTime", "is zero"}
	}
	return cmp.Or(checkTimes(valueOf(r.StartTime), valueOf(r.EndTime)),
		checkText("SessionName", valueOf(r.SessionName)), checkText("Picture", valueOf(r.Picture)))
}

func (r *ParticipantCreationRequest) check() error {
	if r == nil {
		return &ValidationError{"request", "is nil"}
	}
	return cmp.Or(checkText("DisplayName", r.DisplayName), checkText("Role", string(r.Role)),
		checkText("Picture", r.Picture), checkText("State", r.State), checkText("Phone", r.Phone))
}

func (r *ParticipantUpdateRequest) check() error {
	if r == nil {
		return &ValidationError{"request", "is nil"}
	}
	if r.DisplayName == nil && r.Role == nil && r.Picture == nil && r.State == nil {
		return &ValidationError{"request", "changes nothing"}
	}
	return cmp.Or(checkText("DisplayName", valueOf(r.DisplayName)), checkText("Role", string(valueOf(r.Role))),
		checkText("Picture", valueOf(r.Picture)), checkText("State", valueOf(r.State)))
}

func (o *SessionListOptions) check() error {
	switch {
	case o == nil:
		return nil
	case o.Page < 0:
		return &ValidationError{"Page", "is negative"}
	case o.PageSize < 0 || o.PageSize > maxPageSize:
		return &ValidationError{"PageSize", "is not between 0 and 200"}
	case o.Prefetch < 0 || o.Prefetch > maxPrefetch:
		return &ValidationError{"Prefetch", "is not between 0 and 64"}
	case !o.StartTime.IsZero() && !o.EndTime.IsZero() && o.EndTime.Before(o.StartTime):
		return &ValidationError{"EndTime", "is before StartTime"}
	}
	return cmp.Or(checkYear("StartTime", o.StartTime), checkYear("EndTime", o.EndTime),
		checkText("State", o.State), checkText("Order", string(o.Order)))
}

func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
