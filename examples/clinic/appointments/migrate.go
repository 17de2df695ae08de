package appointments

import (
	"context"
	"embed"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock is any number that nothing else in the database locks.
const migrationLock = 7165060814

// Migrate creates or upgrades the tables of the queue and of the clinic. Replicas
// may run it at the same time: one does the work, the others wait for it. The pool
// needs two connections.
func Migrate(ctx context.Context, pool *pgxpool.Pool, logger *slog.Logger) error {
	queue, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: logger})
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
			return err
		}
		// The queue's migrations need transactions of their own.
		if _, err := queue.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
			return err
		}
		return migrateOwn(ctx, tx)
	})
}

func migrateOwn(ctx context.Context, tx pgx.Tx) error {
	const table = "CREATE TABLE IF NOT EXISTS clinic_migrations (name text NOT NULL PRIMARY KEY)"
	if _, err := tx.Exec(ctx, table); err != nil {
		return err
	}
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return err
	}
	for _, file := range files {
		tag, err := tx.Exec(ctx, "INSERT INTO clinic_migrations (name) VALUES ($1) ON CONFLICT DO NOTHING", file.Name())
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			continue // It was there.
		}
		statements, err := migrations.ReadFile("migrations/" + file.Name())
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(statements)); err != nil {
			return fmt.Errorf("migration %s: %w", file.Name(), err)
		}
	}
	return nil
}
