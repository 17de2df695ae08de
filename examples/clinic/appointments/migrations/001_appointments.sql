-- What the front desk wants, and what the service is known to have. The state that
-- people see is computed from these columns and never stored.
CREATE TABLE clinic_appointments (
	id            text        NOT NULL PRIMARY KEY,
	-- The front desk's wish. Each change increments the revision.
	title         text        NOT NULL,
	starts_at     timestamptz NOT NULL,
	ends_at       timestamptz NOT NULL,
	people        jsonb       NOT NULL,
	canceled      boolean     NOT NULL DEFAULT false,
	revision      bigint      NOT NULL DEFAULT 1,
	-- What is known of the service.
	booking       jsonb,                           -- the first booking as it is sent; NULL: none was ever sent
	session_id    text        NOT NULL DEFAULT '',
	participants  jsonb       NOT NULL DEFAULT '{}', -- participant ids by person
	synced        bigint      NOT NULL DEFAULT 0,  -- the last revision that the service agreed with
	in_doubt      boolean     NOT NULL DEFAULT false,
	problem       text        NOT NULL DEFAULT '', -- why a person is needed
	-- The address of the patient's page. It is a secret.
	patient_code  text        NOT NULL UNIQUE,
	changed_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX clinic_appointments_starts_at ON clinic_appointments (starts_at);
CREATE INDEX clinic_appointments_session_id ON clinic_appointments (session_id) WHERE session_id <> '';
CREATE INDEX clinic_appointments_behind ON clinic_appointments (changed_at) WHERE synced < revision AND problem = '';

-- What the last reconciliations did, and what they could not repair.
CREATE TABLE clinic_reconciliations (
	ended_at timestamptz NOT NULL PRIMARY KEY,
	compared bigint      NOT NULL,
	repaired bigint      NOT NULL,
	findings jsonb       NOT NULL
);

-- Pages follow changes by these notifications. They carry the id alone.
CREATE FUNCTION clinic_appointment_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.changed_at := clock_timestamp();
	PERFORM pg_notify('clinic_appointments', NEW.id);
	RETURN NEW;
END $$;
CREATE TRIGGER clinic_appointment_changed BEFORE INSERT OR UPDATE ON clinic_appointments
	FOR EACH ROW EXECUTE FUNCTION clinic_appointment_changed();
