#!/bin/sh
# Gives Prefect and Label Studio a role and a database each, on one PostgreSQL server.
# The image runs this once, when its data volume is empty.
set -eu

create_database() {
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set "name=$1" --set "secret=$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'secret';
CREATE DATABASE :"name" OWNER :"name" ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

create_database prefect "$PREFECT_DATABASE_PASSWORD"
create_database label_studio "$LABEL_STUDIO_DATABASE_PASSWORD"
