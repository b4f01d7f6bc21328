-- The object store; put its keys in place of the dots. They are nowhere but in this session.
LOAD httpfs;
CREATE OR REPLACE SECRET lineshaft_history (
    TYPE s3, SCOPE '{history}', KEY_ID '…', SECRET '…'{options}
);

