package coviutest

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"time"
)

const maxPageSize = 200

// listSessions answers GET /sessions.
func (s *Server) listSessions(c *call) reply {
	values, err := url.ParseQuery(c.rawQuery)
	if err != nil {
		return badRequest(errQuery.Error())
	}
	list, err := readList(query(values))
	if err != nil {
		return badRequest(err.Error())
	}
	team := c.caller.user.team
	order := &team.byCreation
	if list.byStart {
		order = &team.byStart
	}
	offset := int64(math.MaxInt64)
	if list.page <= offset/int64(list.size) {
		offset = list.page * int64(list.size)
	}
	content, more := order.page(list.selection, offset, list.size)
	return ok(s.renderer(list.removed).sessionPage(list, content, more))
}

func (r renderer) sessionPage(list list, content []*session, more bool) []byte {
	b := make([]byte, 0, 128+1<<10*len(content))
	b = append(b, `{"content":`...)
	for i, s := range content {
		b = r.session(append(b, separator(i)), s)
	}
	if len(content) == 0 {
		b = append(b, '[')
	}
	b = append(b, `],"page":`...)
	b = strconv.AppendInt(b, list.page, 10)
	b = append(b, `,"page_size":`...)
	b = strconv.AppendInt(b, int64(list.size), 10)
	b = append(b, `,"more":`...)
	b = strconv.AppendBool(b, more)
	return append(b, '}')
}

// list is the query of GET /sessions, understood.
type list struct {
	selection
	page    int64
	size    int
	byStart bool
	removed bool
}

func readList(q query) (list, error) {
	l := list{selection: everything()}
	var size int64
	page, pageErr := q.integer("page", 0, 0, math.MaxInt64)
	size, sizeErr := q.integer("page_size", maxPageSize, 1, maxPageSize)
	canceled, canceledErr := q.flag("include_canceled")
	removed, removedErr := q.flag("deleted_participants")
	reverse, reverseErr := q.order()
	start, startErr := q.date("start_time")
	end, endErr := q.date("end_time")
	state, stateErr := q.one("state")
	if err := firstError(pageErr, sizeErr, canceledErr, removedErr, reverseErr, startErr, endErr, stateErr); err != nil {
		return list{}, err
	}
	l.page, l.size, l.canceled, l.removed, l.reverse = page, int(size), canceled, removed, reverse
	l.byStart = start != nil || end != nil
	if start != nil {
		// Sessions start on a whole millisecond, a bound may lie between two.
		l.from = start.Add(time.Millisecond - time.Nanosecond).UnixMilli()
	}
	if end != nil {
		l.to = end.UnixMilli()
	}
	if state != nil {
		l.keep = func(s *session) bool { return s.hasState(*state, removed) }
	}
	return l, nil
}

func (s *session) hasState(state string, removed bool) bool {
	for _, p := range s.participants {
		if p.state == state && p.shown(removed) {
			return true
		}
	}
	return false
}

// query reads the parameters of a request; a name that nobody asks for is
// ignored.
type query url.Values

var errQuery = errors.New("the query is malformed")

func (q query) one(name string) (*string, error) {
	switch values := q[name]; len(values) {
	case 0:
		return nil, nil
	case 1:
		return &values[0], nil
	}
	return nil, fmt.Errorf("%s: given more than once", name)
}

func (q query) integer(name string, missing, least, most int64) (int64, error) {
	text, err := q.one(name)
	if text == nil {
		return missing, err
	}
	n, err := strconv.ParseInt(*text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s: not an integer from %d to %d", name, least, most)
	}
	return n, nil
}

func (q query) flag(name string) (bool, error) {
	text, err := q.one(name)
	if text == nil {
		return false, err
	}
	switch *text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("%s: neither true nor false", name)
}

func (q query) order() (reverse bool, err error) {
	text, err := q.one("order")
	if text == nil {
		return false, err
	}
	switch *text {
	case "forward":
		return false, nil
	case "reverse":
		return true, nil
	}
	return false, errors.New("order: neither forward nor reverse")
}

func (q query) date(name string) (*time.Time, error) {
	text, err := q.one(name)
	if text == nil {
		return nil, err
	}
	t, _, err := parseDate(*text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &t, nil
}
