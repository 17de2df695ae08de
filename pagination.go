package coviu

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/ahead"
	"github.com/coviu/coviu-go-sdk/internal/recent"
)

const (
	// remembered is how many ids an iteration knows again: ten pages of them, and
	// one that a request repeats. What is inserted before the cursor between two
	// requests pushes that many sessions at most back into view.
	remembered = 11 * maxPageSize
	// maxIdlePages is how many pages in a row may be empty, or the same as the
	// one before, until the list is taken to have no end.
	maxIdlePages = 3
)

var errEndless = errors.New("the list says that it goes on, and brings nothing new")

// Pages iterates over the list of sessions, page by page (GET /sessions), from
// opts.Page on. Canceled sessions and repeated ones are dropped: a page may be
// shorter than PageSize, and one with nothing left is not yielded.
//
// What it yields is exact even while others book, move and cancel. Plain page
// numbers are not: each cancellation moves the rest of the list up by one, and
// the session at the seam is never seen.
//
//   - In the order by creation: every session that matched from before the
//     iteration began until it ended is yielded exactly once.
//   - Under StartTime or EndTime, where the service orders by start time: none
//     is repeated, and none is missed unless its own start time was changed
//     during the iteration.
//   - Under State: none is repeated, and none is missed unless the State of one
//     of its own participants was changed, or the participant removed, during
//     the iteration. With StartTime or EndTime besides, both exceptions hold.
//
// That holds in both orders, as long as no more than 2,000 sessions in all come
// into the part already read, or leave it, during the iteration: under
// OrderReverse new ones come there. A session that was moved may be yielded again
// if 2,000 others came in between.
//
// Two kinds of servers give less. One that cuts some starts to seconds hides moves
// within a second, and such a move can hide another session. One that makes shorter
// pages than were asked for is followed by its page numbers, and under StartTime,
// EndTime or State a session that leaves the list can then hide another.
//
// The price is that canceled sessions are always fetched, and dropped on this
// side unless IncludeCanceled is set; so Page counts pages of the list with
// canceled sessions in it. Memory is bounded however long the list is.
//
// A list of n pages costs at most n+1 requests, plus Prefetch. A server that
// leaves More out, or takes EndTime for when sessions end, costs one more. Under
// StartTime, EndTime or State, where sessions can leave the part already read,
// each request repeats at least the last session seen, and is sent again, from
// further up, if that one is not there. As no reply has more than 200 sessions,
// pages of 100 and more may come shorter there, which makes more pages of the
// list: with a PageSize of 200, shorter by those that start with the last one
// seen, and by a tenth on average under State alone.
//
// With Prefetch, up to that many pages are fetched ahead of the consumer: side
// by side where page numbers are stable (the default order without StartTime,
// EndTime and State), one after the other elsewhere. Nothing is started after
// the loop ends or the context is canceled.
//
// An error is yielded once, as a [*ListError] beside a nil page, and ends the
// iteration; it says where to go on, in pages counted from the start of the
// list. Going on is an iteration of its own: under StartTime, EndTime or State it
// may skip one session for each that has left the part already read since the
// first one began. Where that matters, start again under State alone; under
// StartTime or EndTime, set StartTime (with OrderReverse: EndTime, a second later)
// to the start of the last session seen and Page to 0, and skip the sessions that
// you have had. Ranging again starts again.
//
// A list that shows the same page three times more is an [ErrUnexpectedResponse].
// Under OrderReverse one page of new sessions before each of three requests looks
// the same.
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
	known *recent.Set[string]
	// taken counts the pages before the one that is being looked at, sessions
	// the sessions that were new.
	taken, sessions int
	// idle counts pages in a row that brought nothing new and were empty or began
	// with the same session as the one before, the first of them; repeated counts
	// known sessions in a row.
	idle, repeated int
	first          string
}

func newWalk(s *SessionService, asked SessionListOptions) *walk {
	return &walk{list: s, asked: asked, known: recent.New(remembered, strings.Clone)}
}

// byTime says that the list is in the order of start times.
func (o *SessionListOptions) byTime() bool { return !o.StartTime.IsZero() || !o.EndTime.IsZero() }

// shrinks says that sessions can leave the list. By creation, with canceled
// sessions in it, it only ever grows, at its newer end.
func (w *walk) shrinks() bool { return w.asked.byTime() || w.asked.State != "" }

// stopped says where to go on after err.
func (w *walk) stopped(err error) error {
	page := w.asked.Page + w.taken
	if w.shrinks() {
		page = w.asked.Page + w.sessions/orDefault(w.asked.PageSize, maxPageSize)
	}
	return &ListError{Page: page, PageSize: w.asked.PageSize, Err: err}
}

// dropKnown leaves in page what the caller has not had and wants.
func (w *walk) dropKnown(page *SessionPage) error {
	first, before := w.first, w.sessions
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
	case w.sessions > before, first != w.first:
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
	pages, prefetch := w.oneByOne, w.asked.Prefetch
	switch {
	case w.shrinks():
		pages = w.joined
	case w.asked.Order != OrderReverse && prefetch > 0:
		return ahead.SideBySide(ctx, prefetch, func(ctx context.Context, i int) (*SessionPage, error) {
			o := w.asked
			o.Page += i
			return w.page(ctx, o)
		})
	}
	if prefetch > 0 {
		return ahead.InTurn(ctx, prefetch, pages)
	}
	return pages(ctx)
}

// page fetches canceled sessions too, so that canceling one moves no other.
func (w *walk) page(ctx context.Context, o SessionListOptions) (*SessionPage, error) {
	o.IncludeCanceled = true
	return w.list.List(ctx, &o)
}

// oneByOne follows page numbers.
func (w *walk) oneByOne(ctx context.Context) iter.Seq2[*SessionPage, error] {
	return func(yield func(*SessionPage, error) bool) {
		for o := w.asked; ; o.Page++ {
			page, err := w.page(ctx, o)
			// Once it is yielded, the page is somebody else's.
			last := err != nil || !page.More
			if !yield(page, err) || last {
				return
			}
		}
	}
}

// joined reads a list that sessions can leave, page joining page.
func (w *walk) joined(ctx context.Context) iter.Seq2[*SessionPage, error] {
	return func(yield func(*SessionPage, error) bool) {
		c := newCursor(w.asked, w.precision())
		for {
			page, err := w.page(ctx, c.request())
			if err != nil {
				yield(nil, err)
				return
			}
			if !c.joins(page) {
				continue
			}
			c.advance(page)
			more := page.More
			if !yield(page, nil) || !more {
				return
			}
		}
	}
}

// precision is that of the dates in a query.
func (w *walk) precision() time.Duration {
	if w.list.client.config.rfc1123 {
		return time.Second
	}
	return time.Millisecond
}
