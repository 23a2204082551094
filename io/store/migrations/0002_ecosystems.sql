-- Packages and advisories of all ecosystems.

ALTER TABLE image_packages ADD COLUMN evidence TEXT NOT NULL DEFAULT 'installed';
-- A JSON list.
ALTER TABLE image_packages ADD COLUMN licences TEXT NOT NULL DEFAULT '[]';
ALTER TABLE image_packages ADD COLUMN owner TEXT;
ALTER TABLE image_packages ADD COLUMN module TEXT;

-- Whether `package` is the name of a `source` or of a `binary` package.
ALTER TABLE advisories ADD COLUMN names TEXT NOT NULL DEFAULT 'source';
ALTER TABLE advisories ADD COLUMN last_affected TEXT;
ALTER TABLE advisories ADD COLUMN status TEXT NOT NULL DEFAULT 'affected';
ALTER TABLE advisories ADD COLUMN module TEXT;

PRAGMA user_version = 2;
