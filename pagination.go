package coviu

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/ahead"
	"github.com/coviu/coviu-go-sdk/internal/recent"
)

const (
	// remembered is how many ids an iteration knows again: ten pages of them.
	// What is inserted before the cursor between two requests pushes that many
	// sessions at most back into view.
	remembered = 10 * maxPageSize
	// maxIdlePages is how many pages in a row may be empty, or the same as the
	// one before, until the list is taken to have no end.
	maxIdlePages = 3
)

var errEndless = errors.New("the list says that it goes on, and brings nothing new")

// Pages iterates over the list of sessions, page by page (GET /sessions), from
// opts.Page on. What was dropped from a page is missing from it, and a page from
// which everything was dropped is left out; under StartTime or EndTime a page may
// also hold more sessions than PageSize.
//
// What it yields is exact even while others book, move and cancel. Plain page
// numbers are not: each cancellation moves the rest of the list up by one, and
// the session at the seam is never seen.
//
//   - In the default order, by creation: every session that matched from before
//     the iteration began until it ended is yielded exactly once. That holds for
//     OrderReverse too, as long as no more than 2,000 are booked between two
//     requests.
//   - Under StartTime or EndTime, where the service orders by start time: none
//     is repeated, and none is missed unless its own start time was changed
//     during the iteration. (A session that was moved is yielded again if 2,000
//     others came in between; where 200 and more start at one instant, moving one
//     of them can hide another.) With OrderReverse as well, another session's
//     move can hide one: iterate forward where that matters.
//   - Under State in the order by creation, one is missed only if the State of a
//     participant was changed, or a participant removed, during the iteration.
//
// The price is that canceled sessions are always fetched, and dropped on this
// side unless IncludeCanceled is set; so Page counts pages of the list with
// canceled sessions in it. Memory is bounded however long the list is.
//
// With Prefetch, up to that many pages are fetched ahead of the consumer: side
// by side where page numbers are stable (the default order without StartTime,
// EndTime and State), one after the other elsewhere. A list of n pages costs at
// most n+1 requests, plus Prefetch; under StartTime or EndTime each request
// repeats the sessions that start with the last one seen, which adds a request
// for every 200 pages or so, and more where many start together. A server that
// leaves More out costs one request more. Nothing is started after the loop ends
// or the context is canceled.
//
// An error is yielded once, as a [*ListError] beside a nil page, and ends the
// iteration; it says where to go on, in pages counted from the start of the
// list. Ranging again starts again.
func (s *SessionService) Pages(ctx context.Context, opts *SessionListOptions) iter.Seq2[*SessionPage, error] {
	asked := valueOf(opts)
	return func(yield func(*SessionPage, error) bool) {
		w := newWalk(s, asked)
		if err := firstError(s.core().check(ctx), asked.check()); err != nil {
			yield(nil, w.stopped(err))
			return
		}
		for page, err := range w.fetched(ctx) {
			if err != nil {
				yield(nil, w.stopped(err))
				return
			}
			more := page.More
			if err := w.dropKnown(page); err != nil {
				yield(nil, w.stopped(err))
				return
			}
			w.taken++
			if len(page.Content) > 0 && !yield(page, nil) || !more {
				return
			}
		}
	}
}

// All iterates over the sessions of the list (GET /sessions), with the
// guarantee, the conditions and the cost that [SessionService.Pages] states.
// Every session is the caller's own, and keeps no page in memory.
//
// An error is yielded once, as a [*ListError] beside a nil session, and ends the
// iteration.
func (s *SessionService) All(ctx context.Context, opts *SessionListOptions) iter.Seq2[*Session, error] {
	pages := s.Pages(ctx, opts)
	return func(yield func(*Session, error) bool) {
		for page, err := range pages {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, session := range page.Content {
				if !yield(&session, nil) {
					return
				}
			}
		}
	}
}

// walk is one iteration. Its cursor runs ahead of what was taken by as many
// pages as are prefetched.
type walk struct {
	list  *SessionService
	asked SessionListOptions
	known *recent.Set
	// taken counts the pages before the one that is being looked at, sessions
	// the sessions that were new.
	taken, sessions int
	// idle counts pages in a row that brought nothing new and were empty or began
	// with the same session, repeated the known sessions in a row.
	idle, repeated int
	first          string
	byTime         bool
}

func newWalk(s *SessionService, asked SessionListOptions) *walk {
	timed := !asked.StartTime.IsZero() || !asked.EndTime.IsZero()
	return &walk{
		list:   s,
		asked:  asked,
		known:  recent.New(remembered),
		byTime: timed && asked.Order != OrderReverse,
	}
}

// stopped says where to go on after err.
func (w *walk) stopped(err error) error {
	page := w.asked.Page + w.taken
	if w.byTime {
		page = w.asked.Page + w.sessions/orDefault(w.asked.PageSize, maxPageSize)
	}
	return &ListError{Page: page, PageSize: w.asked.PageSize, Err: err}
}

// dropKnown leaves in page what the caller has not had and wants.
func (w *walk) dropKnown(page *SessionPage) error {
	first, before := "", w.sessions
	if len(page.Content) > 0 {
		first = page.Content[0].SessionID
	}
	page.Content = slices.DeleteFunc(page.Content, func(s Session) bool {
		if !w.known.Add(s.SessionID) {
			w.repeated++
			return true
		}
		w.sessions++
		w.repeated = 0
		return s.CanceledTime != nil && !w.asked.IncludeCanceled
	})
	// Others who add to the list may well push whole pages of known sessions
	// back into view; then they are not the same ones each time.
	switch {
	case w.sessions > before, first != "" && first != w.first:
		w.idle = 0
	default:
		w.idle++
	}
	w.first = first
	if page.More && (w.idle >= maxIdlePages || w.repeated > remembered) {
		return &DecodeError{Operation: string(opListSessions), StatusCode: http.StatusOK, Field: "more", cause: errEndless}
	}
	return nil
}

// fetched returns the pages as the service sends them, in order.
func (w *walk) fetched(ctx context.Context) iter.Seq2[*SessionPage, error] {
	stable := w.asked.Order != OrderReverse && w.asked.State == "" && !w.byTime
	if stable && w.asked.Prefetch > 0 {
		return ahead.SideBySide(ctx, w.asked.Prefetch, func(ctx context.Context, i int) (*SessionPage, error) {
			return w.page(ctx, w.asked.Page+i, w.asked.StartTime, w.asked.PageSize)
		})
	}
	one := w.oneByOne
	if w.byTime {
		one = w.oneByTime
	}
	if w.asked.Prefetch > 0 {
		return ahead.InTurn(ctx, w.asked.Prefetch, one)
	}
	return one(ctx)
}

func (w *walk) page(ctx context.Context, number int, from time.Time, size int) (*SessionPage, error) {
	o := w.asked
	o.Page, o.PageSize, o.StartTime, o.IncludeCanceled = number, size, from, true
	return w.list.List(ctx, &o)
}

// oneByOne follows page numbers. With canceled sessions in it, a list by
// creation only ever grows, at its newer end.
func (w *walk) oneByOne(ctx context.Context) iter.Seq2[*SessionPage, error] {
	return func(yield func(*SessionPage, error) bool) { w.oneByOneFrom(ctx, w.asked.Page, yield) }
}

func (w *walk) oneByOneFrom(ctx context.Context, number int, yield func(*SessionPage, error) bool) {
	for ; ; number++ {
		page, err := w.page(ctx, number, w.asked.StartTime, w.asked.PageSize)
		// Once it is yielded, the page is somebody else's.
		last := err != nil || !page.More
		if !yield(page, err) || last {
			return
		}
	}
}

// oneByTime follows start times, because page numbers shift under it: moving
// one session out of the part already read moves all that follow up. So each
// request asks for what starts no earlier than the last session seen, and for as
// many more as that repeats; page numbers count only among sessions that start
// together. A server that does not keep to start times is followed by page
// numbers.
func (w *walk) oneByTime(ctx context.Context) iter.Seq2[*SessionPage, error] {
	return func(yield func(*SessionPage, error) bool) {
		full := orDefault(w.asked.PageSize, maxPageSize)
		from, number, size := w.asked.StartTime, w.asked.Page, full
		covered, together := 0, 0
		for {
			page, err := w.page(ctx, number, from, w.sizeToAsk(size))
			if err != nil {
				yield(nil, err)
				return
			}
			read, got, more := startsOf(page.Content, from), len(page.Content), page.More
			if !yield(page, nil) || !more {
				return
			}
			if !read.ordered {
				w.oneByOneFrom(ctx, w.asked.Page+max(1, covered/full), yield)
				return
			}
			covered += got - together
			switch last := read.last.Truncate(w.precision()); {
			case last.After(from):
				from, number, together = last, 0, read.together
				size = min(full+together, maxPageSize)
			case number == 0 && got >= size && size < maxPageSize:
				size, together = min(2*size, maxPageSize), got
			default:
				number, together = number+1, 0
			}
		}
	}
}

// sizeToAsk leaves the size to the service for as long as the caller did.
func (w *walk) sizeToAsk(size int) int {
	if w.asked.PageSize == 0 {
		return 0
	}
	return size
}

// precision is that of the dates in a query.
func (w *walk) precision() time.Duration {
	if w.list.client.config.rfc1123 {
		return time.Second
	}
	return time.Millisecond
}

// starts is what a page tells about start times: the last one, how many
// sessions have it, and whether they come in order and none before the time that
// was asked for. Servers that write whole seconds may seem early by a part of
// one.
type starts struct {
	last     time.Time
	together int
	ordered  bool
}

func startsOf(sessions []Session, from time.Time) starts {
	s := starts{last: from.Truncate(time.Second), ordered: true}
	for i := range sessions {
		switch start := sessions[i].StartTime; {
		case start.Before(s.last):
			return starts{}
		case start.Equal(s.last):
			s.together++
		default:
			s.last, s.together = start, 1
		}
	}
	return s
}
