// Made by scripts/api.mjs from the server's description. Not to be edited.
export interface paths {
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the server answers. */
        get: operations["HealthzHealthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the server can do its work: 200, or 503. */
        get: operations["ReadyzReadyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics of every service in Prometheus' text format, each with its `service` label. */
        get: operations["MetricsAllMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How every process of the installation is, with each check that does not hold and what to do about it.
         * @description What checks say of single objects is for members of the project `main`, whose the installation is.
         */
        get: operations["ApiV1SystemStatusSystemStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every setting with its value, where that comes from, and its meaning. */
        get: operations["ApiV1SystemSettingsSystemSettings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/licences": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The Python packages that this installation is made of, with the licence that each one's own metadata names. */
        get: operations["ApiV1SystemLicencesSystemLicences"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/quality/{code}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The words for a value's quality. */
        get: operations["ApiV1SystemQualityCodeQualityWords"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Long work, newest first. */
        get: operations["ApiV1SystemJobsListJobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/jobs/{job_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One job with its newest progress. */
        get: operations["ApiV1SystemJobsJobIdGetJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/jobs/{job_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask for a job's end; it stops at its next step. One's own, or anybody's for an administrator. */
        post: operations["ApiV1SystemJobsJobIdCancelCancelJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/backups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The backups that lie in the home's folder for them. */
        get: operations["ApiV1SystemBackupsListBackups"];
        put?: never;
        /** Write the whole installation (records, keys, history, bus) to one file while everything runs. */
        post: operations["ApiV1SystemBackupsMakeBackup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/backups/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete one backup. */
        delete: operations["ApiV1SystemBackupsNameRemoveBackup"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dashboards": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's own dashboards and those shared in the caller's projects, by name. */
        get: operations["ApiV1DashboardsListDashboards"];
        put?: never;
        /** A new dashboard of the caller's. */
        post: operations["ApiV1DashboardsCreateDashboard"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dashboards/{dashboard}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One dashboard, its text, and its ETag. */
        get: operations["ApiV1DashboardsGetDashboard"];
        /** Save a dashboard as its next version. */
        put: operations["ApiV1DashboardsPutDashboard"];
        post?: never;
        /** Delete a dashboard with all its versions: one's own, a shared one, or anybody's for an administrator. */
        delete: operations["ApiV1DashboardsDeleteDashboard"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dashboards/{dashboard}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Versions of a dashboard, newest first. */
        get: operations["ApiV1DashboardsVersionsListDashboardVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dashboards/{dashboard}/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A dashboard as it was saved. */
        get: operations["ApiV1DashboardsVersionsGetDashboardVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dashboards/{dashboard}/versions/{version}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a version changed, against the one before it or any other. */
        get: operations["ApiV1DashboardsVersionsDiffDiffDashboardVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dashboards/{dashboard}/versions/{version}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a dashboard as it was in this version: that is a new version. Whose it is and who sees it stays. */
        post: operations["ApiV1DashboardsVersionsRestoreRestoreDashboard"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The logs that have a checkpoint. */
        get: operations["ApiV1LedgerListLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/{log}/checkpoint": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The latest signed checkpoint. */
        get: operations["ApiV1LedgerLogCheckpointGetCheckpoint"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/{log}/checkpoint.cosigned": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The latest checkpoint that a witness has cosigned. */
        get: operations["ApiV1LedgerLogCheckpointCosignedGetCosigned"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/{log}/key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The log's public key. Whoever wants to be sure gets it from people they know, not from here. */
        get: operations["ApiV1LedgerLogKeyGetKey"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/{log}/tile/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A hash tile `<level>/<number>[.p/<width>]`, or a bundle of entries `entries/<number>[.p/<width>]`. */
        get: operations["ApiV1LedgerLogTilePathGetTile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/{log}/proof/inclusion": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Proof that an entry is in the log. */
        get: operations["ApiV1LedgerLogProofInclusionProveInclusion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/{log}/proof/consistency": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Proof that the log only grew from one size to the other. */
        get: operations["ApiV1LedgerLogProofConsistencyProveConsistency"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/witness/key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Public key that this installation cosigns other installations' logs with. */
        get: operations["ApiV1LedgerWitnessKeyGetWitnessKey"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/witness/add-checkpoint": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Cosign a foreign log's checkpoint (c2sp.org/tlog-witness): old size, consistency proof, checkpoint. */
        post: operations["ApiV1LedgerWitnessAddCheckpointAddCheckpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who calls, what they may do, and the session's CSRF token. */
        get: operations["ApiV1AccessSessionWhoAmI"];
        put?: never;
        /** Sign in: the answer sets the session's cookie and holds the CSRF token. */
        post: operations["ApiV1AccessSessionSignIn"];
        /** Sign out: the session ends and its cookie is taken back. */
        delete: operations["ApiV1AccessSessionSignOut"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Change one's password; all one's sessions end, and this browser gets a new one. */
        post: operations["ApiV1AccessPasswordChangePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/invitations/describe": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What a one-time link is for, without using it up. */
        post: operations["ApiV1AccessInvitationsDescribeDescribeInvitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/invitations/redeem": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Use a one-time link: choose a password and be signed in. */
        post: operations["ApiV1AccessInvitationsRedeemRedeem"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The roles of people and apps, and what each allows. */
        get: operations["ApiV1AccessRolesListRoles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/principals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** People, apps and services by name, revoked ones included. */
        get: operations["ApiV1AccessPrincipalsListPrincipals"];
        put?: never;
        /** Make a principal; a person's answer holds the one-time link to give them. */
        post: operations["ApiV1AccessPrincipalsCreatePrincipal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/principals/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One principal, with its ETag. */
        get: operations["ApiV1AccessPrincipalsNameGetPrincipal"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/principals/{name}/roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Replace somebody's roles; felt everywhere within seconds. */
        put: operations["ApiV1AccessPrincipalsNameRolesSetRoles"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/principals/{name}/clearance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Replace the highest grade of data that somebody may see; felt everywhere within seconds. */
        put: operations["ApiV1AccessPrincipalsNameClearanceSetClearance"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/principals/{name}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End somebody's sessions, tokens, links and bus connections within seconds. */
        post: operations["ApiV1AccessPrincipalsNameRevokeRevoke"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/principals/{name}/reinstate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let somebody back in who was revoked. */
        post: operations["ApiV1AccessPrincipalsNameReinstateReinstate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/principals/{name}/invitation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a one-time link with which a person sets a new password; earlier links end. */
        post: operations["ApiV1AccessPrincipalsNameInvitationInvite"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/principals/{name}/credentials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make new bus credentials for a service; those it had are void. */
        post: operations["ApiV1AccessPrincipalsNameCredentialsIssueCredentials"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** API tokens without their secrets, newest first; somebody else's for an administrator. */
        get: operations["ApiV1AccessTokensListTokens"];
        put?: never;
        /** Make an API token; its text is in this answer and nowhere else. */
        post: operations["ApiV1AccessTokensCreateToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/tokens/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End an API token: one's own, or anybody's for an administrator. */
        delete: operations["ApiV1AccessTokensRevokeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sign-ins, denials, changes, commands, exports and deletions, newest first. */
        get: operations["ApiV1AccessAuditListAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/audit/bodies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every body that is kept, as NDJSON in the ledger's order: with the log's tiles, a copy to verify anywhere. */
        get: operations["ApiV1AccessAuditBodiesReadBodies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/audit/{entry}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One entry, by its id or its place, with the proof that it is in the signed log. */
        get: operations["ApiV1AccessAuditEntryProveEntry"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/audit:prune": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Delete the bodies of entries past their retention, never less than 180 days. Their leaves stay in the ledger. */
        post: operations["ApiV1AccessAuditPrunePruneAudit"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/principals/{name}/erase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Destroy the keys of a revoked person's own data, in the audit trail too. It cannot be undone. */
        post: operations["ApiV1AccessPrincipalsNameEraseErasePerson"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/session:methods": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Ways to sign in beside name and password. */
        get: operations["ApiV1AccessSessionMethodsSignInMethods"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/passkeys:options": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin to register a passkey: what `navigator.credentials.create` takes. */
        post: operations["ApiV1AccessPasskeysOptionsPasskeyOptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/passkeys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's passkeys, newest first. */
        get: operations["ApiV1AccessPasskeysListPasskeys"];
        put?: never;
        /** Keep a passkey; from now on one signs in with it. */
        post: operations["ApiV1AccessPasskeysRegisterPasskey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/passkeys/{passkey}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Give a passkey another name. */
        put: operations["ApiV1AccessPasskeysRenamePasskey"];
        post?: never;
        /** Remove a passkey; nobody signs in with it any more. */
        delete: operations["ApiV1AccessPasskeysRemovePasskey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/session:passkey-options": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin to sign in by a passkey: what `navigator.credentials.get` takes; the same for everybody. */
        post: operations["ApiV1AccessSessionPasskeyOptionsPasskeySignInOptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/session:passkey": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in by a passkey: the answer sets the session's cookie and holds the CSRF token. */
        post: operations["ApiV1AccessSessionPasskeyPasskeySignIn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/oidc/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sign in by the external provider: sends the browser there. */
        get: operations["ApiV1AccessOidcStartOidcStart"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/oidc/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin to link one's account at the external provider: where the browser goes next. */
        post: operations["ApiV1AccessOidcLinkOidcLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/oidc/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Where the external provider sends the browser back to; signs in, or links. */
        get: operations["ApiV1AccessOidcCallbackOidcCallback"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/identities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's accounts at external providers. */
        get: operations["ApiV1AccessIdentitiesListIdentities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/identities/{identity_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Unlink an external account. */
        delete: operations["ApiV1AccessIdentitiesIdentityIdRemoveIdentity"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The browsers that one is signed in with, newest first. */
        get: operations["ApiV1AccessSessionsListSessions"];
        put?: never;
        post?: never;
        /** End all of one's sessions but the one that asks. */
        delete: operations["ApiV1AccessSessionsEndOtherSessions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/sessions/{session}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End one of one's sessions; felt within seconds. Works while the access service is down. */
        delete: operations["ApiV1AccessSessionsEndSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/principals/{name}/sign-ins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** By what a principal gets in: sessions, passkeys, external accounts, keys for the bus. No secret is in it. */
        get: operations["ApiV1AccessPrincipalsNameSignInsListSignIns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/session:break-glass": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in as administrator by the sealed emergency code: it is used up, and an alarm is raised. */
        post: operations["ApiV1AccessSessionBreakGlassUseBreakGlass"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/break-glass": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the emergency code stands. */
        get: operations["ApiV1AccessBreakGlassBreakGlassStatus"];
        put?: never;
        /** Make an emergency code, shown this once; the one before is void. */
        post: operations["ApiV1AccessBreakGlassCreateBreakGlass"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/break-glass/acknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End the alarm that the emergency code's use raised; not by the emergency account itself. */
        post: operations["ApiV1AccessBreakGlassAcknowledgeAcknowledgeBreakGlass"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/zones": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The zone plan in force, with its ETag. */
        get: operations["ApiV1AccessZonesGetZones"];
        /** Put a plan in force; whoever it concerns is held to it within seconds. */
        put: operations["ApiV1AccessZonesPutZones"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/zones:check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What a plan would change, were it put in force; refused where it cannot be. */
        post: operations["ApiV1AccessZonesCheckCheckZones"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/zones/rules/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Rules made from the plan in force: nats, gateway, cedar or nftables. */
        get: operations["ApiV1AccessZonesRulesNameRenderZones"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/enrolment/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let a machine enrol once: with the token in the answer, or with its maker's certificate. */
        post: operations["ApiV1AccessEnrolmentInvitationsInviteMachine"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/enrolment/machines": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Machines that may enrol, and those that have. */
        get: operations["ApiV1AccessEnrolmentMachinesListMachines"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/enrolment/join": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** For an enrolled gateway, on the device listener: where it belongs, and new credentials for the bus. */
        post: operations["ApiV1AccessEnrolmentJoinJoin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/policies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every text in force: the defaults, those generated from zones, the uploaded ones. */
        get: operations["ApiV1AccessPoliciesListPolicies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/policies/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One text in force, with its ETag. */
        get: operations["ApiV1AccessPoliciesNameGetPolicy"];
        /** Put a text into force; one that does not validate is refused with its line, and what was in force stays. */
        put: operations["ApiV1AccessPoliciesNameSetPolicy"];
        post?: never;
        /** Take an uploaded text out of force. */
        delete: operations["ApiV1AccessPoliciesNameWithdrawPolicy"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/policies:check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Validate a text without putting it into force. */
        post: operations["ApiV1AccessPoliciesCheckCheckPolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/policies:compare": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Which decisions a text would change if it were put into force, without doing so. */
        post: operations["ApiV1AccessPoliciesCompareComparePolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/policies:test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Try cases on what is in force, or on a text before it is: who does what on which object, and what must be the answer. */
        post: operations["ApiV1AccessPoliciesTestTryPolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/policies:explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What the policies in force say of somebody's request, and why the others do not decide it. */
        post: operations["ApiV1AccessPoliciesExplainExplainDecision"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/approvals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What waits for a second person, oldest first: one's own, and what one may decide. */
        get: operations["ApiV1AccessApprovalsListApprovals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/approvals/{approval}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How one stands: open, approved, refused, used or expired. It is kept for a day. */
        get: operations["ApiV1AccessApprovalsGetApproval"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/approvals/{approval}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Approve somebody else's request; it may then be sent once more, with the header X-Approval. */
        post: operations["ApiV1AccessApprovalsApproveApprove"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/approvals/{approval}/refuse": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Refuse somebody else's request. */
        post: operations["ApiV1AccessApprovalsRefuseRefuse"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/certificates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Certificates, newest first: those that have ended and those revoked too. */
        get: operations["ApiV1AccessCertificatesListCertificates"];
        put?: never;
        /** Issue a certificate to a principal from its request. */
        post: operations["ApiV1AccessCertificatesIssueCertificate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/certificates/{fingerprint}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One certificate, by the SHA-256 fingerprint of its DER. */
        get: operations["ApiV1AccessCertificatesFingerprintGetCertificate"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/certificates/{fingerprint}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Revoke a certificate for ever; refused everywhere within seconds. */
        post: operations["ApiV1AccessCertificatesFingerprintRevokeRevokeCertificate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/ca.pem": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The issuing certificate and the root, PEM. */
        get: operations["ApiV1AccessCaPemGetAuthorities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/crl": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The revocation list, DER. */
        get: operations["ApiV1AccessCrlGetCrl"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Labels in force, by object. */
        get: operations["ApiV1AccessLabelsListLabels"];
        /** Label an object and what lies below it; in force within two seconds. */
        put: operations["ApiV1AccessLabelsSetLabel"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/show": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What counts for one object, by its own label, the levels above it and what it was derived from. */
        get: operations["ApiV1AccessLabelsShowShowLabel"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/withdraw": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End an object's own label: that of a level above it counts again, else the highest grade. */
        post: operations["ApiV1AccessLabelsWithdrawWithdrawLabel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/propose": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let the rules propose labels, for a person to decide: of the objects given, or of all tags below a path. */
        post: operations["ApiV1AccessLabelsProposeProposeLabels"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/proposals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What waits for a person's decision, by object. */
        get: operations["ApiV1AccessLabelsProposalsListProposals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/decide": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Confirm or reject what is proposed; who did is kept with the label. */
        post: operations["ApiV1AccessLabelsDecideDecideLabels"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/catalogue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The catalogue of data for filing, with headings in Chinese and English. */
        get: operations["ApiV1AccessLabelsCatalogueGetCatalogue"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/lineage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Note what an object was derived from: it counts as the highest of that, unless a named rule lowers it. */
        post: operations["ApiV1AccessLabelsLineageAddLineage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/declassifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Declassification rules, withdrawn ones too. */
        get: operations["ApiV1AccessLabelsDeclassificationsListRules"];
        put?: never;
        /** Make a declassification rule; it is never changed, only withdrawn. */
        post: operations["ApiV1AccessLabelsDeclassificationsAddRule"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/declassifications/{name}/withdraw": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a rule: what was derived by it counts as its sources again. */
        post: operations["ApiV1AccessLabelsDeclassificationsNameWithdrawWithdrawRule"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/approvals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Approvals of exports that have not expired. */
        get: operations["ApiV1AccessLabelsApprovalsListApprovals"];
        put?: never;
        /** Approve that an object goes to a recipient for a purpose. It does not admit the approver's own exports. */
        post: operations["ApiV1AccessLabelsApprovalsAddApproval"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/exports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What left, to whom, newest first. */
        get: operations["ApiV1AccessLabelsExportsListExports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/labels/canaries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The planted rows by which a leaked file is traced. */
        get: operations["ApiV1AccessLabelsCanariesListCanaries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/datasets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Datasets by name, erased ones too. */
        get: operations["ApiV1AccessDatasetsListDatasets"];
        put?: never;
        /** Make a dataset with a key of its own. */
        post: operations["ApiV1AccessDatasetsCreateDataset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/datasets/{name}/erase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Destroy a dataset's key: no copy of its files can be decrypted any more. */
        post: operations["ApiV1AccessDatasetsNameEraseEraseDataset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/datasets/{name}/file-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A fresh key for one file of the dataset. */
        post: operations["ApiV1AccessDatasetsNameFileKeysNewFileKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/datasets/{name}/file-keys/open": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The key of a file, from what its header holds. */
        post: operations["ApiV1AccessDatasetsNameFileKeysOpenOpenFileKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/holds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Legal holds, released ones too. */
        get: operations["ApiV1AccessHoldsListHolds"];
        put?: never;
        /** Keep an object, and what lies below it, from being erased. */
        post: operations["ApiV1AccessHoldsPlaceHold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/holds/{hold}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a legal hold. */
        post: operations["ApiV1AccessHoldsReleaseReleaseHold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/leaks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Leak notices and their clocks. */
        get: operations["ApiV1AccessLeaksListLeaks"];
        put?: never;
        /** Open a leak notice; its clock starts. */
        post: operations["ApiV1AccessLeaksOpenLeak"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/leaks/{leak}/steps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take a notice one step further: assessed, reported, closed. */
        post: operations["ApiV1AccessLeaksStepsMoveLeak"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The projects that the caller is a member of; all of them for an administrator. */
        get: operations["ApiV1AccessProjectsListProjects"];
        put?: never;
        /** Make a project. */
        post: operations["ApiV1AccessProjectsCreateProject"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/projects/{project}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete a project that has no members, devices, tags and datasets; its name is not used again. */
        delete: operations["ApiV1AccessProjectsDeleteProject"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/projects/{project}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who was made a member of a project. */
        get: operations["ApiV1AccessProjectsMembersListMembers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/projects/{project}/members/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Make somebody a member; who was in none but `main` by default is then in this one only. */
        put: operations["ApiV1AccessProjectsMembersNameAddMember"];
        post?: never;
        /** End a membership; felt within seconds, on open connections too. */
        delete: operations["ApiV1AccessProjectsMembersNameRemoveMember"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access/tenants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tenants beside the installation's own, by name. */
        get: operations["ApiV1AccessTenantsListTenants"];
        put?: never;
        /** Make a tenant; the answer holds the one-time link of its first administrator. */
        post: operations["ApiV1AccessTenantsCreateTenant"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/resolution/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * What an identifier leads to: its public values, each server that was asked, and what is proved.
         * @description An identifier that does not exist, or whose servers do not answer, is an answer, too: `state` and `problem` say so.
         */
        post: operations["ApiV1ResolutionResolveResolveIdentifier"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/resolution/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Root servers, the node that runs here and those that are watched, with what they do now. */
        get: operations["ApiV1ResolutionNodesListNodes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/tags": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tags whose path begins with `prefix`; or, of those named by `tag`, up to 1000, all that there are, whatever `limit`. */
        get: operations["ApiV1HistoryTagsListTags"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/latest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The newest sample of each tag that has one. */
        get: operations["ApiV1HistoryLatestLatest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/raw": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Samples as they were stored, hot and sealed alike. JSON comes in pages, the other formats as one stream. */
        get: operations["ApiV1HistoryRawRaw"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/gaps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Samples known to be missing between two times, and why.
         * @description Gaps are the gateway's, whose lanes all projects share; what one says of devices is for members of `main`.
         */
        get: operations["ApiV1HistoryGapsListGaps"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far the writer is: read, committed, still in memory. */
        get: operations["ApiV1HistoryStatusStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/seal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Put everything that is in memory into the table now; returns once that is on disk. */
        post: operations["ApiV1HistorySealSeal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/processed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** An aggregate over each interval between two times. Time runs backward where `to` lies before `from`. */
        get: operations["ApiV1HistoryProcessedProcessed"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/at": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The value of each tag at each of some times: interpolated, or the newest sample at or before.
         * @description Refused where a policy gives only a sample of the values.
         */
        get: operations["ApiV1HistoryAtAt"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/windows": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The samples around each of some events, with their offsets from it.
         * @description Where a policy gives only a sample of the values, one event at a time.
         */
        get: operations["ApiV1HistoryWindowsWindows"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/corrections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What was replaced of these tags' samples between two times: old and new value, who, when, and why. */
        get: operations["ApiV1HistoryCorrectionsListCorrections"];
        put?: never;
        /**
         * Put samples in place of those of the same tag and time. The old ones stay visible; returns once it is on disk.
         * @description Who corrects a value learns the one before it: only what the caller may read as well as write can be corrected.
         */
        post: operations["ApiV1HistoryCorrectionsCorrect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/sql": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * One SELECT over `samples`, `tags` and `rollup_1h`: the samples of the tags and the time given, and no others.
         * @description Columns of `samples`: tag, ts, arrival, value, integer, text, boolean, quality, good; of `tags`: tag, handle, unit,
         *     description, kind, device, project. The dialect is DuckDB's; times are UTC. Who hangs up ends the statement.
         */
        post: operations["ApiV1HistorySqlRunSql"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Read every stored file and hold it against what the table says; the job's result is the report. */
        post: operations["ApiV1HistoryVerifyVerify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Samples, files, bytes, and bytes per sample. */
        get: operations["ApiV1HistoryStatsStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Store one batch of a file: an Arrow stream of the telemetry batch's form, on disk when this answers.
         * @description The same batch may be sent again, another one in its place may not; the first goes first. Rows get their place by time; one that is there already is replaced.
         */
        post: operations["ApiV1HistoryImportImportBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/imports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import a file, the body, as a job. One larger than a request may be comes in pieces, one after the other.
         * @description Go on at `received`, whatever was sent. The file is refused whole where a row is wrong, unless those are to be
         *     skipped. Imported again it is stored once; a cancelled job says how many rows are in the history.
         */
        post: operations["ApiV1HistoryImportsImportFile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/imports/{import_job}/faults": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The first rows that are wrong in a file, with what they say: for whoever sent it. */
        get: operations["ApiV1HistoryImportsImportJobFaultsImportFaults"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/uploads/{upload}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Remove what is there of the caller's upload that is not complete. */
        delete: operations["ApiV1HistoryUploadsDeleteUpload"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/exports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Write stored values to a file here, as a job; it is there for the caller until it expires. */
        post: operations["ApiV1HistoryExportsExportFile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/exports/{export}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The file of an export that is done. */
        get: operations["ApiV1HistoryExportsExportedFile"];
        put?: never;
        post?: never;
        /** Remove the file of an export; one that is not done is cancelled. */
        delete: operations["ApiV1HistoryExportsDeleteExport"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/exports/{export}/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far the caller's export is. */
        get: operations["ApiV1HistoryExportsStateExportState"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/compact": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Merge small files, roll up, and remove what has expired. */
        post: operations["ApiV1HistoryCompactCompact"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/rollup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Bring the rollups up to date, and nothing else. */
        post: operations["ApiV1HistoryRollupRollup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/certificates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Certificates of servers that the gateway trusts, and those it refused. */
        get: operations["ApiV1EdgeCertificatesListCertificates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/certificates/{fingerprint}/trust": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Trust a certificate that was refused; devices that wait for it connect at once. */
        put: operations["ApiV1EdgeCertificatesFingerprintTrustTrustCertificate"];
        post?: never;
        /** No longer trust a certificate. */
        delete: operations["ApiV1EdgeCertificatesFingerprintTrustDistrustCertificate"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Names of the credentials on a gateway that are of the caller's projects, and which devices use them. */
        get: operations["ApiV1EdgeSecretsListSecrets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/secrets/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Give the gateway a device's credentials; they lie on the gateway's disk only and are never shown again.
         * @description They belong to the project named, else to their maker's, whether a device uses them or not.
         */
        put: operations["ApiV1EdgeSecretsNameKeepSecret"];
        post?: never;
        /** Have the gateway forget credentials. */
        delete: operations["ApiV1EdgeSecretsNameForgetSecret"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Devices by name, or as the list is asked for. */
        get: operations["ApiV1EdgeDevicesListDevices"];
        put?: never;
        /** Add a device; its gateway gets a new configuration. */
        post: operations["ApiV1EdgeDevicesAddDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/levels": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What lies right below a path of the plant, with how many devices and how they stand. */
        get: operations["ApiV1EdgeLevelsListLevels"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/rehearse": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What adding a device would do, by all checks that adding it makes: its tags, or every refusal. */
        post: operations["ApiV1EdgeRehearseRehearseDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/devices/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One device with its points, and its ETag. */
        get: operations["ApiV1EdgeDevicesNameGetDevice"];
        /** Replace a device; points that keep their names keep their tags. */
        put: operations["ApiV1EdgeDevicesNameReplaceDevice"];
        post?: never;
        /** Take a device out; its history stays. */
        delete: operations["ApiV1EdgeDevicesNameRemoveDevice"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/devices/{name}/points": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Points of a device. */
        get: operations["ApiV1EdgeDevicesNamePointsListPoints"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/browse": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Walk a device's address space; a job with progress and cancel. What it finds is at /browse/{job}. */
        post: operations["ApiV1EdgeBrowseBrowse"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/browse/{job_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a browse has found so far, in the order of finding. */
        get: operations["ApiV1EdgeBrowseJobIdListFound"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Connect to a device, sign in, look at its points, hang up. */
        post: operations["ApiV1EdgeTestTestDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the gateway and its devices do: those of the caller's projects; its parts and secrets for members of `main`. */
        get: operations["ApiV1EdgeStatusGatewayStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/gateways": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The box's own gateway, those that enrolled or may, and how many devices each runs. */
        get: operations["ApiV1EdgeGatewaysListGateways"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/gateways/{gateway}/configurations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A gateway's configurations, newest first. */
        get: operations["ApiV1EdgeGatewaysConfigurationsListVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/drivers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The protocols that devices can speak here. */
        get: operations["ApiV1EdgeDriversListDrivers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/commands": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Commands, newest first, without their steps; `detail` and `code` are the last one's. */
        get: operations["ApiV1EdgeCommandsListCommands"];
        put?: never;
        /** Write a value to a machine. The answer says what became of it; where that takes longer, what is known so far. */
        post: operations["ApiV1EdgeCommandsWriteValue"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/commands/{command}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One command with its steps; waits until nothing more will come, if asked to. */
        get: operations["ApiV1EdgeCommandsGetCommand"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/commands/{command}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** As the second person, let a command be executed. */
        post: operations["ApiV1EdgeCommandsApproveApproveCommand"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/commands/{command}/refuse": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** As the second person, refuse a command that waits; it is never executed. */
        post: operations["ApiV1EdgeCommandsRefuseRefuseCommand"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/commands/{command}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Withdraw a command before it is executed: one that waits, is on its way, or waits at the gateway. */
        post: operations["ApiV1EdgeCommandsCancelCancelCommand"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/devices/{name}/lease": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Have a device to oneself: nobody else's commands to it are taken meanwhile. */
        post: operations["ApiV1EdgeDevicesNameLeaseTakeLease"];
        /** Give a device back; an administrator also ends another's lease. */
        delete: operations["ApiV1EdgeDevicesNameLeaseGiveLeaseBack"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/gateways/{gateway}/guard": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The guard of a gateway; the ETag is that of its document, and absent where none is configured. */
        get: operations["ApiV1EdgeGatewaysGuardGetGuard"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/imports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Points that files describe; nothing is configured by it. */
        post: operations["ApiV1EdgeImportsReadImport"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/gateways/{gateway}/parts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Parts of a gateway that are configured; who may not configure it sees where they are, not who gets in and how. */
        get: operations["ApiV1EdgeGatewaysPartsListParts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/gateways/{gateway}/parts/{part}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A part's document, and its ETag; reduced as in the list. */
        get: operations["ApiV1EdgeGatewaysPartsGetPart"];
        /** Configure a part of a gateway; it gets a new configuration. */
        put: operations["ApiV1EdgeGatewaysPartsPutPart"];
        post?: never;
        /** Have a part do its default again. */
        delete: operations["ApiV1EdgeGatewaysPartsRemovePart"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/profiles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Device profiles by name. */
        get: operations["ApiV1EdgeProfilesListProfiles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/profiles/{profile}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One profile with its points, and its ETag. */
        get: operations["ApiV1EdgeProfilesGetProfile"];
        /** Add or replace a profile; its devices change when it is applied. */
        put: operations["ApiV1EdgeProfilesPutProfile"];
        post?: never;
        /** Forget a profile that no device is made from. */
        delete: operations["ApiV1EdgeProfilesRemoveProfile"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/profiles/{profile}/apply": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give a profile's points to every device that is made from it. */
        post: operations["ApiV1EdgeProfilesApplyApplyProfile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/gateways/{gateway}/configurations/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One configuration that a gateway had or has; of its parts, who may not configure it sees where they are. */
        get: operations["ApiV1EdgeGatewaysConfigurationsVersionGetConfiguration"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/gateways/{gateway}/configurations/{version}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a version changed, against the one before it or any other. */
        get: operations["ApiV1EdgeGatewaysConfigurationsVersionDiffDiffConfigurations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edge/gateways/{gateway}/configurations/{version}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Configure a gateway as it was in this version; the answer is the new version. */
        post: operations["ApiV1EdgeGatewaysConfigurationsVersionRestoreRestoreConfiguration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/demo/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the plant does now. */
        get: operations["ApiV1DemoStatusPlantStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/demo/disturbances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What can go wrong with the plant, and what does at the moment. */
        get: operations["ApiV1DemoDisturbancesListDisturbances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/demo/disturb": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Switch disturbances on; those that are on already stay on. */
        post: operations["ApiV1DemoDisturbDisturb"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/demo/calm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Switch disturbances off, all where none is named. */
        post: operations["ApiV1DemoCalmCalm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/demo/speed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Run at another multiple of real time, until the plant's process is started anew. */
        post: operations["ApiV1DemoSpeedChangeSpeed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/demo/auto": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give valves that were written to back to their controllers, all where none is named. */
        post: operations["ApiV1DemoAutoAutomatic"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/demo/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Start the plant anew at its base case, without disturbances. */
        post: operations["ApiV1DemoRestartRestart"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** Alive */
        Alive: {
            ok: boolean;
        };
        /** AnswerView */
        AnswerView: {
            server: string;
            protocol: string;
            milliseconds: number;
            authoritative: boolean;
            signed: boolean;
            stale: boolean;
            aliases: string[];
        };
        /** Applied */
        Applied: {
            devices: string[];
        };
        /** ApprovalBody */
        ApprovalBody: {
            object: string;
            recipient: string;
            reason: string;
            /** @default operation */
            purpose: string;
            /** @default 30 */
            days: number;
            /**
             * @default tag
             * @enum {string}
             */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
        };
        /** AuditPage */
        AuditPage: {
            items: components["schemas"]["AuditView"][];
            next: string | null;
        };
        /** AuditView */
        AuditView: {
            id: string;
            seq: number | null;
            time: string;
            principal: string;
            name: string;
            action: string;
            resource: string;
            outcome: string;
            kind: string;
            decision: string;
            policy_version: string;
            input_digest: string;
            trace_id: string;
            facts: {
                [key: string]: unknown;
            };
        };
        /** Backup */
        Backup: {
            name: string;
            bytes: number;
            written: string;
            automatic: boolean;
        };
        /** BackupList */
        BackupList: {
            items: components["schemas"]["Backup"][];
            folder: string;
        };
        /** BreakGlassBody */
        BreakGlassBody: {
            code: string;
        };
        /** BreakGlassView */
        BreakGlassView: {
            state: string;
            created: string | null;
            used: string | null;
            ends: string | null;
            address: string;
            acknowledged: string | null;
        };
        /** BrowseBody */
        BrowseBody: {
            /** @default  */
            name: string;
            device?: components["schemas"]["NewDeviceBody"] | null;
            request?: components["schemas"]["BrowseRequest"];
        };
        /**
         * BrowseRequest
         * @default {
         *       "root": "",
         *       "depth": 20,
         *       "nodes": 100000,
         *       "seconds": 600,
         *       "standard": false
         *     }
         */
        BrowseRequest: {
            /** @default  */
            root: string;
            /** @default 20 */
            depth: number;
            /** @default 100000 */
            nodes: number;
            /** @default 600 */
            seconds: number;
            /** @default false */
            standard: boolean;
        };
        /** CanaryList */
        CanaryList: {
            items: components["schemas"]["CanaryView"][];
        };
        /** CanaryView */
        CanaryView: {
            recipient: string;
            egress: string;
            path: string;
            time: number;
            value: number | null;
            planted: number;
        };
        /** CeremonyView */
        CeremonyView: {
            options: {
                [key: string]: unknown;
            };
        };
        /** CertificateBody */
        CertificateBody: {
            name: string;
            /** @default device */
            profile: string;
            csr: string;
            names?: string[];
        };
        /** CertificateList */
        CertificateList: {
            certificates: components["schemas"]["KnownCertificate"][];
        };
        /** CertificatePage */
        CertificatePage: {
            items: components["schemas"]["CertificateView"][];
            next: string | null;
        };
        /** CertificateView */
        CertificateView: {
            fingerprint: string;
            serial: string;
            principal: string | null;
            name: string | null;
            profile: string;
            suite: string;
            not_before: string;
            not_after: string;
            issued: string;
            revoked: string | null;
            reason: string;
            pem: string;
        };
        /** Change */
        Change: {
            who: string;
            action: string;
            from_zone: string;
            to_zone: string;
            before: string;
            after: string;
        };
        /** Check */
        Check: {
            name: string;
            ok: boolean;
            /** @default  */
            detail: string;
            /** @default  */
            hint: string;
            /** @default  */
            title: string;
            /** @default  */
            code: string;
            facts?: {
                [key: string]: unknown;
            };
        };
        /** CheckBody */
        CheckBody: {
            /** @default policy */
            name: string;
            text: string;
        };
        /** CheckedView */
        CheckedView: {
            policies: string[];
        };
        /** ClearanceBody */
        ClearanceBody: {
            clearance: number;
        };
        /** CommandBody */
        CommandBody: {
            /** @default  */
            device: string;
            /** @default  */
            point: string;
            /** @default  */
            tag: string;
            value: number | boolean | string;
            /** @default  */
            reason: string;
            expiry_seconds?: number | null;
            /** @default false */
            dry_run: boolean;
        };
        /** CommandPage */
        CommandPage: {
            items: components["schemas"]["CommandView"][];
            next: string | null;
        };
        /** CommandView */
        CommandView: {
            id: string;
            device: string;
            point: string;
            gateway: string;
            value: number | boolean | string;
            state: string;
            settled: boolean;
            reason: string;
            by: string;
            approver: string;
            classification: string;
            decision: string;
            created: string;
            expires: string;
            before: number | boolean | string | null;
            read: number | boolean | string | null;
            q: number | null;
            detail: string;
            code: string;
            steps: components["schemas"]["StepView"][];
            /** @default  */
            path: string;
            /** @default  */
            unit: string;
            minimum?: number | null;
            maximum?: number | null;
        };
        /** CompareBody */
        CompareBody: {
            name: string;
            text: string;
        };
        /** ComparisonView */
        ComparisonView: {
            items: components["schemas"]["Change"][];
        };
        /** Conduit */
        Conduit: {
            name: string;
            from: string;
            to: string;
            flows: components["schemas"]["Flow"][];
            /** @default false */
            both_ways: boolean;
            /** @default  */
            description: string;
        };
        /** ConfigurationView */
        ConfigurationView: {
            gateway: string;
            version: number;
            created: string;
            devices: unknown[];
            parts: {
                [key: string]: unknown;
            };
        };
        /** ConsistencyProof */
        ConsistencyProof: {
            old: number;
            new: number;
            old_root: string;
            new_root: string;
            proof: string[];
        };
        /** Corrected */
        Corrected: {
            path: string;
            time: string;
            value?: number | string | boolean | null;
            /** @default 0 */
            quality: number;
        };
        /** Correcting */
        Correcting: {
            reason: string;
            items: components["schemas"]["Corrected"][];
        };
        /** CorrectionPage */
        CorrectionPage: {
            items: components["schemas"]["CorrectionView"][];
            next: string | null;
        };
        /** CorrectionView */
        CorrectionView: {
            path: string;
            time: string;
            noted: string;
            who: string;
            reason: string;
            old: number | string | boolean | null;
            old_quality: number | null;
            old_arrival: string | null;
            new: number | string | boolean | null;
            new_quality: number;
        };
        /** CorrectionsMade */
        CorrectionsMade: {
            items: components["schemas"]["CorrectionView"][];
        };
        /** CredentialView */
        CredentialView: {
            key: string;
            issued: string;
            revoked: string | null;
        };
        /** CredentialsView */
        CredentialsView: {
            text: string;
        };
        /** DashboardBody */
        DashboardBody: {
            text: string;
            /** @default  */
            comment: string;
        };
        /** DashboardDifferences */
        DashboardDifferences: {
            before: number;
            after: number;
            items: components["schemas"]["Difference"][];
        };
        /** DashboardPage */
        DashboardPage: {
            items: components["schemas"]["DashboardRow"][];
            next: string | null;
        };
        /** DashboardRow */
        DashboardRow: {
            name: string;
            title: string;
            handle: string;
            project: string;
            owner: string;
            mine: boolean;
            shared: boolean;
            widgets: number;
            version: number;
            changed: string;
        };
        /** DashboardVersionPage */
        DashboardVersionPage: {
            items: components["schemas"]["DashboardVersionRow"][];
            next: string | null;
        };
        /** DashboardVersionRow */
        DashboardVersionRow: {
            version: number;
            author: string;
            created: string;
            comment: string;
        };
        /** DashboardVersionView */
        DashboardVersionView: {
            version: number;
            author: string;
            created: string;
            comment: string;
            text: string;
        };
        /** DashboardView */
        DashboardView: {
            name: string;
            title: string;
            handle: string;
            project: string;
            owner: string;
            mine: boolean;
            shared: boolean;
            widgets: number;
            version: number;
            changed: string;
            text: string;
            may_edit: boolean;
            may_share: boolean;
            etag: string;
        };
        /** DatasetBody */
        DatasetBody: {
            name: string;
            /** @default  */
            place: string;
            /** @default  */
            project: string;
        };
        /** DatasetList */
        DatasetList: {
            items: components["schemas"]["DatasetView"][];
        };
        /** DatasetView */
        DatasetView: {
            id: string;
            name: string;
            key: string;
            place: string;
            project: string;
            author: string;
            created: string;
            erased: string | null;
            erased_by: string | null;
        };
        /** DecideBody */
        DecideBody: {
            objects?: string[];
            /** @default  */
            prefix: string;
            /**
             * @default tag
             * @enum {string}
             */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
            /** @default true */
            confirm: boolean;
            version?: number | null;
        };
        /** DeclassificationBody */
        DeclassificationBody: {
            name: string;
            source: string;
            /** @enum {integer} */
            grade_2020: 1 | 2 | 3;
            /** @enum {string} */
            grade_2022: "general" | "important" | "core";
            reason: string;
            /**
             * @default tag
             * @enum {string}
             */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
        };
        /** Device */
        Device: {
            name: string;
            path: string;
            driver: string;
            endpoint: string;
            options?: {
                [key: string]: unknown;
            };
            /**
             * @default [
             *       {
             *         "name": "main",
             *         "mode": "subscribe",
             *         "period_ms": 500,
             *         "phase_ms": 0,
             *         "sampling_ms": 0
             *       }
             *     ]
             */
            groups: components["schemas"]["ScanGroup"][];
            /** @default [] */
            points: components["schemas"]["Point"][];
            /** @default  */
            description: string;
            /** @default  */
            profile: string;
            /** @default  */
            handle: string;
        };
        /** DeviceBody */
        DeviceBody: {
            path: string;
            /** @default  */
            driver: string;
            endpoint: string;
            /** @default  */
            profile: string;
            options?: {
                [key: string]: unknown;
            };
            /**
             * @default [
             *       {
             *         "name": "main",
             *         "mode": "subscribe",
             *         "period_ms": 500,
             *         "phase_ms": 0,
             *         "sampling_ms": 0
             *       }
             *     ]
             */
            groups: components["schemas"]["ScanGroup"][];
            /** @default [] */
            points: components["schemas"]["Point"][];
            /** @default  */
            description: string;
            /**
             * @description Whose members see it and its tags; the one it has, or the maker's, where empty
             * @default
             */
            project: string;
            /** @default  */
            comment: string;
        };
        /** DevicePage */
        DevicePage: {
            items: components["schemas"]["DeviceView"][];
            next: string | null;
            total: number;
            states?: {
                [key: string]: number;
            };
        };
        /** DeviceProfile */
        DeviceProfile: {
            name: string;
            driver: string;
            /** @default  */
            title: string;
            options?: {
                [key: string]: unknown;
            };
            /**
             * @default [
             *       {
             *         "name": "main",
             *         "mode": "subscribe",
             *         "period_ms": 500,
             *         "phase_ms": 0,
             *         "sampling_ms": 0
             *       }
             *     ]
             */
            groups: components["schemas"]["ScanGroup"][];
            /** @default [] */
            points: components["schemas"]["Point"][];
            /** @default  */
            source: string;
        };
        /** DeviceStatus */
        DeviceStatus: {
            name: string;
            driver: string;
            endpoint: string;
            /** @enum {string} */
            state: "connecting" | "connected" | "lost" | "refused";
            since: string;
            points: number;
            /** @default  */
            newest: string;
            counts?: {
                [key: string]: number;
            };
            /** @default  */
            code: string;
            /** @default  */
            message: string;
            /** @default  */
            hint: string;
            facts?: {
                [key: string]: unknown;
            };
        };
        /** DeviceView */
        DeviceView: {
            name: string;
            path: string;
            driver: string;
            endpoint: string;
            points: number;
            gateway: string;
            project: string;
            description: string;
            handle: string;
            changed: string;
            /**
             * @description Only where the list was asked for with states
             * @default
             */
            state: string;
        };
        /** Difference */
        Difference: {
            /** @enum {string} */
            change: "added" | "removed" | "changed";
            where: string;
            before?: unknown;
            after?: unknown;
        };
        /** DifferenceList */
        DifferenceList: {
            before: number;
            after: number;
            items: components["schemas"]["Difference"][];
        };
        /** Disturbance */
        Disturbance: {
            name: string;
            description: string;
            on: boolean;
        };
        /** DisturbanceList */
        DisturbanceList: {
            items: components["schemas"]["Disturbance"][];
        };
        /** Disturbances */
        Disturbances: {
            disturbances?: string[];
        };
        /** DriverList */
        DriverList: {
            items: components["schemas"]["DriverView"][];
        };
        /** DriverOption */
        DriverOption: {
            name: string;
            /** @enum {string} */
            kind: "text" | "integer" | "number" | "boolean" | "choice" | "json";
            required: boolean;
            default?: unknown;
            choices?: (string | number)[];
            minimum?: number | null;
            maximum?: number | null;
        };
        /** DriverView */
        DriverView: {
            name: string;
            title: string;
            endpoint: string;
            address: string;
            modes: string[];
            usual: string;
            browses: boolean;
            writes: boolean;
            quality: string;
            options: components["schemas"]["DriverOption"][];
        };
        /** Effect */
        Effect: {
            principals?: string[];
            gateways?: string[];
        };
        /** EndedView */
        EndedView: {
            ended: number;
        };
        /** EraseBody */
        EraseBody: {
            reason: string;
        };
        /** ErasedView */
        ErasedView: {
            principal: string;
            keys: string[];
        };
        /** ExplainBody */
        ExplainBody: {
            principal: string;
            action: string;
            /** @default * */
            resource: string;
            /** @default object */
            kind: string;
            /** @default  */
            zone: string;
            /** @default  */
            project: string;
            grade?: number | null;
            attributes?: {
                [key: string]: string;
            };
            context?: {
                [key: string]: unknown;
            };
        };
        /** ExplanationView */
        ExplanationView: {
            allowed: boolean;
            reason: string;
            policy_version: string;
            met: number;
            obligations: components["schemas"]["Obligation"][];
            policies: components["schemas"]["Weighed"][];
        };
        /** ExportPage */
        ExportPage: {
            items: components["schemas"]["ExportView"][];
            next: string | null;
        };
        /** ExportRequest */
        ExportRequest: {
            tags: string[];
            from: string;
            /** @default now */
            to: string;
            /**
             * @default parquet
             * @enum {string}
             */
            format: "parquet" | "csv" | "ndjson" | "arrow";
            /** @default operation */
            purpose: string;
            /** @default  */
            recipient: string;
        };
        /** ExportStarted */
        ExportStarted: {
            job: string;
            file: string;
        };
        /** ExportState */
        ExportState: {
            job: string;
            state: string;
            done: number;
            total: number | null;
            message: string;
            result: unknown;
            error: {
                [key: string]: unknown;
            } | null;
        };
        /** ExportView */
        ExportView: {
            id: string;
            time: string;
            principal: string;
            recipient: string;
            outside: boolean;
            purpose: string;
            what: string;
            objects: number;
            rows: number;
            bytes: number;
            grade_2020: number;
            grade_2022: string;
            decision: string;
            whole: boolean;
        };
        /** FaultPage */
        FaultPage: {
            items: components["schemas"]["RowFault"][];
        };
        /** FileKeyBody */
        FileKeyBody: {
            key: string;
            wrapped: string;
        };
        /** FileKeyView */
        FileKeyView: {
            dataset: string;
            key: string;
            file_key: string;
            wrapped: string;
        };
        /** Flow */
        Flow: {
            /** @enum {string} */
            kind: "telemetry" | "command" | "api" | "tcp" | "udp" | "icmp";
            /** @default [] */
            ports: number[];
            /** @default [] */
            subjects: string[];
        };
        /** Found */
        Found: {
            address: string;
            name: string;
            /** @default [] */
            path: string[];
            /**
             * @default number
             * @enum {string}
             */
            kind: "number" | "integer" | "boolean" | "text";
            /** @default  */
            data_type: string;
            /** @default  */
            unit: string;
            /** @default  */
            unit_text: string;
            /** @default  */
            note: string;
            /** @default  */
            description: string;
            low?: number | null;
            high?: number | null;
            /** @default  */
            data: string;
            /** @default  */
            refused: string;
        };
        /** FoundBody */
        FoundBody: {
            path: string;
            /** @default  */
            unit: string;
            /** @default  */
            description: string;
            samples?: string[];
            criticality?: number | null;
        };
        /** FoundPage */
        FoundPage: {
            items: components["schemas"]["Found"][];
            next: string | null;
            state: string;
            symbols: {
                [key: string]: string;
            };
        };
        /** GapPage */
        GapPage: {
            items: components["schemas"]["GapView"][];
            next: string | null;
        };
        /** GapView */
        GapView: {
            gateway: string;
            boot: string;
            cause: string;
            from: string;
            to: string;
            from_seq: number | null;
            to_seq: number | null;
            rows: number | null;
            detail: string;
            noted: string;
        };
        /** GatewayList */
        GatewayList: {
            items: components["schemas"]["GatewayView"][];
        };
        /** GatewayStatus */
        GatewayStatus: {
            gateway: string;
            boot: string;
            version: number;
            sent: number;
            waiting_bytes: number;
            own_fingerprint: string;
            devices: components["schemas"]["DeviceStatus"][];
            secrets: string[];
            parts?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
            states?: {
                [key: string]: string[];
            };
            /** @default  */
            more: string;
        };
        /** GatewayView */
        GatewayView: {
            name: string;
            devices: number;
        };
        /** GoView */
        GoView: {
            url: string;
        };
        /** GuardState */
        GuardState: {
            mode: string;
            judged: number;
            denied: number;
            learned: number;
            not_learned: number;
            presence: string;
            proposed?: {
                [key: string]: string;
            };
        };
        /** GuardView */
        GuardView: {
            mode: string;
            policy: string;
            reads: string;
            time_zone: string;
            plant_mode: string;
            plant_mode_point: string;
            changed: string;
            state: components["schemas"]["GuardState"] | null;
            away: string;
            proposed: components["schemas"]["LearnedRule"][];
        };
        /** HistoryStatus */
        HistoryStatus: {
            stream: string;
            stream_created: string;
            read_sequence: number;
            committed_sequence: number;
            last_sequence: number;
            table_version: number;
            hot_rows: number;
            hot_bytes: number;
            tags: number;
            rows_total: number;
            repeated_batches: number;
            undecodable_batches: number;
            gaps: number;
            seals: number;
            last_seal_us: number;
            trouble: string;
        };
        /** HoldList */
        HoldList: {
            items: components["schemas"]["HoldView"][];
        };
        /** HoldView */
        HoldView: {
            id: string;
            object: string;
            /** @enum {string} */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
            reason: string;
            author: string;
            created: string;
            released: string | null;
            released_by: string | null;
            release_reason: string | null;
        };
        /** HopView */
        HopView: {
            handle: string;
            zone: string;
            server: string;
            protocol: string;
            answer: string;
            milliseconds: number;
            signed: boolean;
            key: string;
            note: string;
        };
        /** IdentityList */
        IdentityList: {
            items: components["schemas"]["IdentityView"][];
        };
        /** IdentityView */
        IdentityView: {
            id: string;
            issuer: string;
            subject: string;
            managed: boolean;
            created: string;
            used: string | null;
        };
        /** ImportBody */
        ImportBody: {
            files: components["schemas"]["ImportFile"][];
            /** @default  */
            browse: string;
        };
        /** ImportFile */
        ImportFile: {
            name: string;
            text: string;
        };
        /** ImportedView */
        ImportedView: {
            points: components["schemas"]["Point"][];
            left: components["schemas"]["Left"][];
            notes: components["schemas"]["Left"][];
            symbols: {
                [key: string]: string;
            };
        };
        /** InclusionProof */
        InclusionProof: {
            index: number;
            size: number;
            leaf: string;
            root: string;
            proof: string[];
        };
        /** InvitationBody */
        InvitationBody: {
            invitation: string;
        };
        /** InvitationView */
        InvitationView: {
            name: string | null;
            roles: string[];
            expires: string;
        };
        /** InviteBody */
        InviteBody: {
            /** @description The machine's name, its principal's */
            name: string;
            /**
             * @description A gateway is a service with the template gateway
             * @default device
             * @enum {string}
             */
            kind: "device" | "service" | "node";
            /**
             * @description For a service: whose grants it gets
             * @default
             */
            template: string;
            /**
             * @description Serial number in its maker's certificate; then it needs no token
             * @default
             */
            serial: string;
            /** @description For how long; the setting est.token_minutes where absent */
            minutes?: number | null;
        };
        /** InvitedView */
        InvitedView: {
            name: string;
            kind: string;
            /** @description One-time token, in this answer and nowhere else; empty with a serial */
            secret: string;
            expires: string;
            /** @description Address of the device listener */
            url: string;
            /** @description SHA-256 of our root certificate, by which the machine knows us */
            authority: string;
        };
        /** IssuedView */
        IssuedView: {
            certificate: components["schemas"]["CertificateView"];
            chain: string;
        };
        /** Item */
        Item: {
            path: string;
            time: string;
            arrival: string;
            value: number | boolean | string | null;
            unit: string;
            quality: number;
            words: string;
        };
        /** JobPage */
        JobPage: {
            items: components["schemas"]["JobView"][];
            next: string | null;
        };
        /** JobStarted */
        JobStarted: {
            job: string;
        };
        /** JobView */
        JobView: {
            id: string;
            kind: string;
            title: string;
            owner: string;
            state: string;
            done: number;
            total: number | null;
            message: string;
            result: unknown;
            error: {
                [key: string]: unknown;
            } | null;
            created: string;
            updated: string;
        };
        /** Joined */
        Joined: {
            name: string;
            template: string;
            tenant: string;
            site: string;
            prefix: string;
            created: string;
            bus_url: string;
            /** @description PEM; empty where the system's authorities are to be trusted */
            bus_ca: string;
            /** @description For the bus; in this answer and nowhere else */
            credentials: string;
        };
        /** KnownCertificate */
        KnownCertificate: {
            fingerprint: string;
            subject: string;
            application_uri: string;
            trusted: boolean;
            expires: string;
        };
        /** Label */
        Label: {
            /** @enum {string} */
            domain: "r_and_d" | "production" | "maintenance" | "management" | "external" | "platform_operation" | "enterprise_management";
            /** @enum {integer} */
            grade_2020: 1 | 2 | 3;
            /** @enum {string} */
            grade_2022: "general" | "important" | "core";
            /** @default  */
            purpose: string;
            /** @default  */
            owner: string;
            retention_days?: number | null;
            /**
             * @default allowed
             * @enum {string}
             */
            export: "allowed" | "approval" | "forbidden";
        };
        /** LabelPage */
        LabelPage: {
            items: components["schemas"]["LabelView"][];
            next: string | null;
        };
        /** LabelView */
        LabelView: {
            object: string;
            /** @enum {string} */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
            version: number;
            /** @enum {string} */
            state: "proposed" | "confirmed" | "rejected" | "withdrawn";
            label: components["schemas"]["Label"];
            reason: string;
            author: string;
            created: string;
            decided_by: string | null;
            decided: string | null;
        };
        /** LeakBody */
        LeakBody: {
            title: string;
            /** @default  */
            text: string;
        };
        /** LeakList */
        LeakList: {
            items: components["schemas"]["LeakView"][];
        };
        /** LeakStepBody */
        LeakStepBody: {
            /** @enum {string} */
            state: "opened" | "assessed" | "reported" | "closed";
            text: string;
        };
        /** LeakStepView */
        LeakStepView: {
            /** @enum {string} */
            state: "opened" | "assessed" | "reported" | "closed";
            time: string;
            by: string;
            text: string;
        };
        /** LeakView */
        LeakView: {
            id: string;
            title: string;
            /** @enum {string} */
            state: "opened" | "assessed" | "reported" | "closed";
            opened: string;
            due: string;
            overdue: boolean;
            reported: string | null;
            steps: components["schemas"]["LeakStepView"][];
        };
        /** LearnedRule */
        LearnedRule: {
            id: string;
            text: string;
        };
        /** LeaseBody */
        LeaseBody: {
            /** @default 600 */
            seconds: number;
        };
        /** LeaseView */
        LeaseView: {
            device: string;
            holder: string;
            until: string;
        };
        /** Left */
        Left: {
            name: string;
            reason: string;
        };
        /** Level */
        Level: {
            name: string;
            files: number;
            rows: number;
            bytes: number;
        };
        /** Licence */
        Licence: {
            name: string;
            version: string;
            licence: string;
        };
        /** LicenceList */
        LicenceList: {
            items: components["schemas"]["Licence"][];
        };
        /** LineageBody */
        LineageBody: {
            object: string;
            sources: string[];
            /**
             * @default table
             * @enum {string}
             */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
            /**
             * @default tag
             * @enum {string}
             */
            source_kind: "tag" | "stream" | "table" | "file" | "dataset";
            rule?: string | null;
        };
        /** LinkBody */
        LinkBody: {
            /** @default / */
            next: string;
        };
        /** LinkView */
        LinkView: {
            key: string;
            subject: string;
            issuer: string;
            permissions: string[];
            expires: string | null;
        };
        /** LocationView */
        LocationView: {
            href: string;
            weight: number;
            attributes: {
                [key: string]: string;
            };
        };
        /** LogList */
        LogList: {
            items: components["schemas"]["LogView"][];
        };
        /** LogView */
        LogView: {
            log: string;
            origin: string;
            size: number;
            root: string;
            key: string;
            signed: string;
        };
        /** MachineList */
        MachineList: {
            items: components["schemas"]["MachineView"][];
        };
        /** MachineView */
        MachineView: {
            name: string;
            kind: string;
            template: string;
            invited: string;
            expires: string;
            used: string;
            certified: string;
            until: string;
            revoked: string;
        };
        /** MaintenanceStarted */
        MaintenanceStarted: {
            job: string;
            waiting: boolean;
        };
        /** Many */
        Many: {
            count: number;
        };
        /** MemberList */
        MemberList: {
            items: string[];
        };
        /** MethodsView */
        MethodsView: {
            passkey: boolean;
            oidc: string | null;
        };
        /** NewBreakGlassView */
        NewBreakGlassView: {
            code: string;
            created: string;
        };
        /** NewDeviceBody */
        NewDeviceBody: {
            path: string;
            /** @default  */
            driver: string;
            endpoint: string;
            /** @default  */
            profile: string;
            options?: {
                [key: string]: unknown;
            };
            /**
             * @default [
             *       {
             *         "name": "main",
             *         "mode": "subscribe",
             *         "period_ms": 500,
             *         "phase_ms": 0,
             *         "sampling_ms": 0
             *       }
             *     ]
             */
            groups: components["schemas"]["ScanGroup"][];
            /** @default [] */
            points: components["schemas"]["Point"][];
            /** @default  */
            description: string;
            /**
             * @description Whose members see it and its tags; the one it has, or the maker's, where empty
             * @default
             */
            project: string;
            /** @default  */
            comment: string;
            name: string;
            /**
             * @description Which runs it: the box's own, or one that has enrolled
             * @default gateway
             */
            gateway: string;
        };
        /** NewInvitationView */
        NewInvitationView: {
            path: string;
            expires: string;
        };
        /** NewPrincipalView */
        NewPrincipalView: {
            principal: components["schemas"]["PrincipalView"];
            invitation: components["schemas"]["NewInvitationView"] | null;
        };
        /** NewTenantView */
        NewTenantView: {
            tenant: components["schemas"]["TenantView"];
            invitation: components["schemas"]["NewInvitationView"];
        };
        /** NewTokenView */
        NewTokenView: {
            token: components["schemas"]["TokenView"];
            text: string;
        };
        /** NodeCheck */
        NodeCheck: {
            name: string;
            ok: boolean;
            detail: string;
        };
        /** NodeList */
        NodeList: {
            items: components["schemas"]["NodeView"][];
            configured: boolean;
        };
        /** NodeLoad */
        NodeLoad: {
            requests_per_second: number | null;
            requests: number;
            answered: number;
            missing: number;
            alarms: number;
            connections: number;
            records: number;
            kept: number;
            cache_share: number | null;
        };
        /** NodeView */
        NodeView: {
            address: string;
            /** @enum {string} */
            known: "root" | "own" | "watched";
            roles: ("top" | "second-level" | "enterprise" | "recursive")[];
            prefixes: string[];
            listens: string[];
            primary: boolean;
            serial: number;
            key: string;
            up: boolean | null;
            problem: string;
            p95_milliseconds: number | null;
            load: components["schemas"]["NodeLoad"] | null;
            checks: components["schemas"]["NodeCheck"][];
        };
        /** ObjectBody */
        ObjectBody: {
            object: string;
            /**
             * @default tag
             * @enum {string}
             */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
            /** @default  */
            reason: string;
        };
        /** Obligation */
        Obligation: {
            /** @enum {string} */
            kind: "mask" | "sample" | "record" | "approve";
            /** @default  */
            argument: string;
            /** @default  */
            policy: string;
        };
        /** OpenSessionList */
        OpenSessionList: {
            items: components["schemas"]["OpenSessionView"][];
        };
        /** OpenSessionView */
        OpenSessionView: {
            id: string;
            created: string;
            seen: string;
            expires: string;
            address: string;
            current: boolean;
        };
        /** PartList */
        PartList: {
            items: components["schemas"]["PartView"][];
        };
        /** PartView */
        PartView: {
            name: string;
            document: {
                [key: string]: unknown;
            };
            changed: string;
        };
        /** PasskeyBody */
        PasskeyBody: {
            label: string;
            credential: {
                [key: string]: unknown;
            };
        };
        /** PasskeyList */
        PasskeyList: {
            items: components["schemas"]["PasskeyView"][];
        };
        /** PasskeySignInBody */
        PasskeySignInBody: {
            credential: {
                [key: string]: unknown;
            };
        };
        /** PasskeyView */
        PasskeyView: {
            id: string;
            label: string;
            synced: boolean;
            created: string;
            used: string | null;
        };
        /** PasswordBody */
        PasswordBody: {
            old: string;
            new: string;
        };
        /** PlantLevel */
        PlantLevel: {
            path: string;
            devices: number;
            well: number;
            /** @default  */
            device: string;
            /** @default 0 */
            points: number;
            /** @default  */
            state: string;
        };
        /** PlantLevels */
        PlantLevels: {
            items: components["schemas"]["PlantLevel"][];
            total: number;
        };
        /** PlantStatus */
        PlantStatus: {
            /** @enum {string} */
            state: "starting" | "running" | "tripped";
            /** @default  */
            reason: string;
            since: string;
            restart_in_seconds?: number | null;
            run: number;
            simulated_hours: number;
            speed: number;
            left_out_seconds: number;
            disturbances: string[];
            manual?: string[];
            seed: number;
            /** @default  */
            endpoint: string;
            /** @default 0 */
            sessions: number;
        };
        /** Point */
        Point: {
            name: string;
            address: string;
            /**
             * @default number
             * @enum {string}
             */
            kind: "number" | "integer" | "boolean" | "text";
            /** @default main */
            group: string;
            /** @default 0 */
            tag: number;
            /** @default  */
            unit: string;
            /** @default  */
            unit_text: string;
            /** @default  */
            description: string;
            low?: number | null;
            high?: number | null;
            /**
             * @default
             * @enum {string}
             */
            type: "" | "bool" | "int8" | "uint8" | "int16" | "uint16" | "int32" | "uint32" | "int64" | "uint64" | "float32" | "float64" | "text" | "bcd16" | "bcd32";
            /**
             * @default
             * @enum {string}
             */
            order: "" | "ABCD" | "DCBA" | "BADC" | "CDAB";
            /** @default 0 */
            length: number;
            /** @default  */
            scale: string;
            /** @default  */
            offset: string;
            /** @default [] */
            sentinels: (number)[];
            minimum?: number | null;
            maximum?: number | null;
            /**
             * @default read
             * @enum {string}
             */
            access: "read" | "write" | "read-write";
            write?: components["schemas"]["WriteRules"] | null;
            report?: components["schemas"]["Report"] | null;
        };
        /** PointPage */
        PointPage: {
            items: components["schemas"]["Point"][];
            next: string | null;
        };
        /** PolicyBody */
        PolicyBody: {
            text: string;
            /** @default  */
            reason: string;
        };
        /** PolicyList */
        PolicyList: {
            items: components["schemas"]["PolicyView"][];
            number: number;
            policy_version: string;
        };
        /** PolicyView */
        PolicyView: {
            name: string;
            origin: string;
            version: number;
            text: string;
            author: string | null;
            created: string | null;
        };
        /** PrincipalBody */
        PrincipalBody: {
            name: string;
            /**
             * @default person
             * @enum {string}
             */
            kind: "person" | "device" | "service" | "app" | "node";
            roles?: string[];
            /** @default  */
            template: string;
        };
        /** PrincipalPage */
        PrincipalPage: {
            items: components["schemas"]["PrincipalView"][];
            next: string | null;
        };
        /** PrincipalView */
        PrincipalView: {
            id: string;
            name: string;
            /** @enum {string} */
            kind: "person" | "device" | "service" | "app" | "node";
            roles: string[];
            created: string;
            revoked: string | null;
            can_sign_in: boolean;
            zone: string;
            clearance: number;
            projects: string[] | null;
        };
        /** ProblemView */
        ProblemView: {
            code: string;
            title: string;
            hint: string;
        };
        /** ProfileBody */
        ProfileBody: {
            driver: string;
            /** @default  */
            title: string;
            options?: {
                [key: string]: unknown;
            };
            /**
             * @default [
             *       {
             *         "name": "main",
             *         "mode": "subscribe",
             *         "period_ms": 500,
             *         "phase_ms": 0,
             *         "sampling_ms": 0
             *       }
             *     ]
             */
            groups: components["schemas"]["ScanGroup"][];
            /** @default [] */
            points: components["schemas"]["Point"][];
            /** @default  */
            source: string;
        };
        /** ProfilePage */
        ProfilePage: {
            items: components["schemas"]["ProfileView"][];
            next: string | null;
        };
        /** ProfileView */
        ProfileView: {
            name: string;
            driver: string;
            title: string;
            points: number;
            source: string;
            changed: string;
        };
        /** ProjectBody */
        ProjectBody: {
            name: string;
            /** @default  */
            title: string;
        };
        /** ProjectPage */
        ProjectPage: {
            items: components["schemas"]["ProjectView"][];
            next: string | null;
        };
        /** ProjectView */
        ProjectView: {
            name: string;
            title: string;
            handle: string;
            created: string;
        };
        /** ProofView */
        ProofView: {
            seq: number;
            salt: string;
            body: unknown;
            size: number;
            proof: string[];
            checkpoint: string;
            key: string;
        };
        /** ProposeBody */
        ProposeBody: {
            /** @default  */
            prefix: string;
            objects?: components["schemas"]["FoundBody"][];
            /** @default  */
            owner: string;
        };
        /** PruneBody */
        PruneBody: {
            before?: string | null;
        };
        /** PrunedView */
        PrunedView: {
            below: number;
            count: number;
        };
        /** QualityWords */
        QualityWords: {
            code: number;
            name: string;
            severity: string;
            en: string;
            zh: string;
        };
        /** ReasonBody */
        ReasonBody: {
            reason: string;
        };
        /** RedeemBody */
        RedeemBody: {
            invitation: string;
            /** @default  */
            name: string;
            password: string;
        };
        /** ReferenceView */
        ReferenceView: {
            handle: string;
            index: number;
        };
        /** Refusal */
        Refusal: {
            code: string;
            title: string;
            hint: string;
            /** @default  */
            field: string;
            /** @default  */
            value: string;
            /** @default  */
            rule: string;
        };
        /** RefuseBody */
        RefuseBody: {
            reason: string;
        };
        /** RegistrationView */
        RegistrationView: {
            holds: boolean;
            problem: components["schemas"]["ProblemView"] | null;
            origin: string;
            time: string | null;
            key: string;
            source: string;
            log: string;
            entry: number | null;
            size: number | null;
            root: string;
        };
        /** Rehearsal */
        Rehearsal: {
            tags: components["schemas"]["RehearsedTag"][];
            refusals: components["schemas"]["Refusal"][];
            second_person: string[];
        };
        /** RehearsedTag */
        RehearsedTag: {
            path: string;
            unit: string;
            known: boolean;
        };
        /** Rendered */
        Rendered: {
            name: string;
            version: number;
            text: string;
        };
        /** Report */
        Report: {
            /** @default 0 */
            deadband: number;
            /** @default 0 */
            percent: number;
            /** @default 0 */
            swing: number;
            /** @default 0 */
            min_ms: number;
            /** @default 0 */
            max_ms: number;
        };
        /** ResolveBody */
        ResolveBody: {
            identifier: string;
        };
        /** ResolvedView */
        ResolvedView: {
            handle: string;
            /** @enum {string} */
            state: "found" | "missing" | "unanswered";
            problem: components["schemas"]["ProblemView"] | null;
            answer: components["schemas"]["AnswerView"] | null;
            values: components["schemas"]["ValueView"][];
            hops: components["schemas"]["HopView"][];
            signatures: components["schemas"]["SignatureView"][];
            checked: boolean;
            registration: components["schemas"]["RegistrationView"] | null;
        };
        /** Result */
        Result: {
            case: string;
            passed: boolean;
            expected: string;
            got: string;
            reason: string;
        };
        /** RevocationBody */
        RevocationBody: {
            /** @default unspecified */
            reason: string;
        };
        /** RoleList */
        RoleList: {
            items: components["schemas"]["RoleView"][];
        };
        /** RoleView */
        RoleView: {
            name: string;
            actions: string[];
        };
        /** RolesBody */
        RolesBody: {
            roles: string[];
        };
        /** RowFault */
        RowFault: {
            line: number;
            column: string;
            value: string;
            reason: string;
        };
        /** RuleList */
        RuleList: {
            items: components["schemas"]["RuleView"][];
        };
        /** RuleView */
        RuleView: {
            name: string;
            /** @enum {string} */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
            source: string;
            /** @enum {integer} */
            grade_2020: 1 | 2 | 3;
            /** @enum {string} */
            grade_2022: "general" | "important" | "core";
            reason: string;
            approver: string;
            created: string;
            withdrawn: string | null;
        };
        /** SamplePage */
        SamplePage: {
            items: components["schemas"]["Item"][];
            next: string | null;
        };
        /** ScanGroup */
        ScanGroup: {
            /** @default main */
            name: string;
            /**
             * @default subscribe
             * @enum {string}
             */
            mode: "subscribe" | "poll";
            /** @default 500 */
            period_ms: number;
            /** @default 0 */
            phase_ms: number;
            /** @default 0 */
            sampling_ms: number;
        };
        /** Sealed */
        Sealed: {
            rows: number;
            committed_sequence: number;
            version: number;
        };
        /** Secret */
        Secret: {
            /** @default  */
            user: string;
            /** @default  */
            password: string;
            /** @default  */
            certificate: string;
            /** @default  */
            private_key: string;
        };
        /** SecretList */
        SecretList: {
            items: components["schemas"]["SecretView"][];
        };
        /** SecretView */
        SecretView: {
            name: string;
            project: string;
            by: string;
            changed: string;
            devices: string[];
        };
        /** ServiceState */
        ServiceState: {
            name: string;
            ok: boolean;
            state: string;
            pid: number | null;
            restarts: number;
            checks: components["schemas"]["Check"][];
        };
        /** SessionView */
        SessionView: {
            id: string;
            name: string;
            tenant: string;
            /** @enum {string} */
            kind: "person" | "device" | "service" | "app" | "node";
            roles: string[];
            actions: string[];
            projects: string[] | null;
            csrf: string | null;
            expires: string | null;
        };
        /** SettingList */
        SettingList: {
            items: components["schemas"]["SettingRow"][];
        };
        /** SettingRow */
        SettingRow: {
            name: string;
            value: unknown;
            origin: string;
            description: string;
        };
        /** ShownView */
        ShownView: {
            object: string;
            /** @enum {string} */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
            label: components["schemas"]["Label"] | null;
            /** @enum {integer} */
            grade_2020: 1 | 2 | 3;
            /** @enum {string} */
            grade_2022: "general" | "important" | "core";
            /** @enum {string} */
            export: "allowed" | "approval" | "forbidden";
            known: boolean;
            versions: components["schemas"]["LabelView"][];
        };
        /** SignInBody */
        SignInBody: {
            name: string;
            password: string;
        };
        /** SignInsView */
        SignInsView: {
            sessions: components["schemas"]["OpenSessionView"][];
            passkeys: components["schemas"]["PasskeyView"][];
            identities: components["schemas"]["IdentityView"][];
            credentials: components["schemas"]["CredentialView"][];
        };
        /** SignatureView */
        SignatureView: {
            index: number;
            signer: string;
            valid: boolean;
            reason: string;
            chain: components["schemas"]["LinkView"][];
            covers: number[];
            withheld: number[];
        };
        /** Speed */
        Speed: {
            speed: number;
        };
        /** SqlRequest */
        SqlRequest: {
            sql: string;
            from: string;
            tags: string[];
            /** @default now */
            to: string;
            /** @enum {null|string} */
            format?: "json" | "ndjson" | "csv" | "arrow" | "parquet" | null;
            /** @default operation */
            purpose: string;
            /** @default  */
            recipient: string;
        };
        /** StartedBackup */
        StartedBackup: {
            job: string;
        };
        /** StartedJob */
        StartedJob: {
            job: string;
        };
        /** Stats */
        Stats: {
            rows: number;
            hot_rows: number;
            files: number;
            bytes: number;
            bytes_per_sample: number | null;
            oldest: string | null;
            newest: string | null;
            rolled_until: string | null;
            rollup_bytes: number;
            version: number;
            levels: components["schemas"]["Level"][];
            tags: components["schemas"]["TagStats"][];
        };
        /** StepView */
        StepView: {
            state: string;
            time: string;
            by: string;
            code: string;
            detail: string;
        };
        /** SystemStatus */
        SystemStatus: {
            ok: boolean;
            version: string;
            tenant: string;
            site: string;
            prefix: string;
            time: string;
            services: components["schemas"]["ServiceState"][];
        };
        /** TagPage */
        TagPage: {
            items: components["schemas"]["TagView"][];
            next: string | null;
        };
        /** TagStats */
        TagStats: {
            path: string;
            rows: number;
            bytes: number;
            bytes_per_sample: number;
        };
        /** TagView */
        TagView: {
            path: string;
            number: number;
            handle: string;
            unit: string;
            unit_code: string;
            description: string;
            kind: string;
            device: string;
            project: string;
            created: string;
            removed: string | null;
        };
        /** Taken */
        Taken: {
            rows: number;
        };
        /** TenantList */
        TenantList: {
            items: components["schemas"]["TenantView"][];
        };
        /** TenantView */
        TenantView: {
            name: string;
            title: string;
            handle: string;
            created: string;
        };
        /** TestBody */
        TestBody: {
            /** @default  */
            name: string;
            device?: components["schemas"]["NewDeviceBody"] | null;
        };
        /** TestReport */
        TestReport: {
            about: {
                [key: string]: string;
            };
            connect_ms: number;
            refused: components["schemas"]["Found"][];
            looked_up?: components["schemas"]["Found"][];
        };
        /** TokenBody */
        TokenBody: {
            label: string;
            scopes: string[];
            days?: number | null;
            /** @default  */
            name: string;
        };
        /** TokenList */
        TokenList: {
            items: components["schemas"]["TokenView"][];
        };
        /** TokenView */
        TokenView: {
            id: string;
            label: string;
            scopes: string[];
            created: string;
            expires: string;
            used: string | null;
        };
        /** TrialBody */
        TrialBody: {
            cases: string;
            /** @default  */
            name: string;
            text?: string | null;
        };
        /** TrialView */
        TrialView: {
            passed: boolean;
            items: components["schemas"]["Result"][];
        };
        /** Trusted */
        Trusted: {
            fingerprint: string;
        };
        /** Uploaded */
        Uploaded: {
            upload: string;
            received: number;
            job: string | null;
        };
        /** Value */
        Value: {
            path: string;
            time: string;
            value: number | boolean | string | null;
            unit: string;
            quality: number;
            words: string;
            bits: string[];
            sample?: string | null;
            event?: number | null;
            offset?: number | null;
        };
        /** ValuePage */
        ValuePage: {
            items: components["schemas"]["Value"][];
            next: string | null;
            source: string;
        };
        /** ValueView */
        ValueView: {
            index: number;
            type: string;
            format: string;
            data: unknown;
            ttl: number | null;
            ttl_until: string | null;
            changed: string;
            admin_read: boolean;
            admin_write: boolean;
            public_read: boolean;
            public_write: boolean;
            references: components["schemas"]["ReferenceView"][];
            key: string;
            locations: components["schemas"]["LocationView"][];
            /** @enum {string} */
            proved: "proved" | "registered" | "changed" | "unproved" | "signature";
        };
        /** Valves */
        Valves: {
            valves?: string[];
        };
        /** VerifyRequest */
        VerifyRequest: {
            /** @default false */
            quarantine: boolean;
        };
        /** VersionPage */
        VersionPage: {
            items: components["schemas"]["VersionView"][];
            next: string | null;
        };
        /** VersionView */
        VersionView: {
            version: number;
            created: string;
            author: string;
            comment: string;
        };
        /** Weighed */
        Weighed: {
            policy: string;
            /** @enum {string} */
            effect: "permit" | "forbid";
            /** @enum {string} */
            fit: "holds" | "action" | "principal" | "resource" | "condition" | "expired" | "error";
            decided: boolean;
            text: string;
            /** @default  */
            detail: string;
        };
        /** WriteRules */
        WriteRules: {
            minimum?: number | null;
            maximum?: number | null;
            rate?: number | null;
            /** @default  */
            interlock: string;
            /**
             * @default B
             * @enum {string}
             */
            classification: "A" | "B";
            /** @default 0 */
            tolerance: number;
            /** @default 5 */
            expiry_seconds: number;
            /** @default 5 */
            verify_seconds: number;
        };
        /** Zone */
        Zone: {
            name: string;
            /** @default  */
            description: string;
            /** @default 1 */
            security_level: number;
            /** @default [] */
            networks: string[];
            /** @default [] */
            members: string[];
            /** @default  */
            interface: string;
        };
        /** ZonePlan */
        ZonePlan: {
            zones: components["schemas"]["Zone"][];
            /** @default [] */
            conduits: components["schemas"]["Conduit"][];
            /** @default  */
            hub: string;
        };
        /** ZonePlanView */
        ZonePlanView: {
            plan: components["schemas"]["ZonePlan"];
            version: number;
            author: string;
            changed: string | null;
            renew?: string[];
        };
        /** ApprovalList */
        labels_views_ApprovalList: {
            items: components["schemas"]["labels_views_ApprovalView"][];
        };
        /** ApprovalView */
        labels_views_ApprovalView: {
            id: string;
            object: string;
            /** @enum {string} */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
            recipient: string;
            purpose: string;
            reason: string;
            approver: string;
            created: string;
            expires: string;
        };
        /** LabelBody */
        labels_views_LabelBody: {
            object: string;
            /** @enum {string} */
            domain: "r_and_d" | "production" | "maintenance" | "management" | "external" | "platform_operation" | "enterprise_management";
            /** @enum {integer} */
            grade_2020: 1 | 2 | 3;
            /**
             * @default general
             * @enum {string}
             */
            grade_2022: "general" | "important" | "core";
            /** @default  */
            purpose: string;
            /** @default  */
            owner: string;
            retention_days?: number | null;
            /**
             * @default allowed
             * @enum {string}
             */
            export: "allowed" | "approval" | "forbidden";
            /**
             * @default tag
             * @enum {string}
             */
            kind: "tag" | "stream" | "table" | "file" | "dataset";
            /** @default  */
            reason: string;
        };
        /** LabelBody */
        people_views_LabelBody: {
            label: string;
        };
        /** ApprovalList */
        policy_views_ApprovalList: {
            items: components["schemas"]["policy_views_ApprovalView"][];
        };
        /** ApprovalView */
        policy_views_ApprovalView: {
            id: string;
            principal: string;
            name: string;
            action: string;
            resource: string;
            role: string;
            state: string;
            created: string;
            expires: string;
            reasons: string[];
        };
        /**
         * Problem
         * @description RFC 9457 problem document.
         */
        Problem: {
            type: string;
            /** @description One sentence: what is wrong. */
            title: string;
            status: number;
            /** @description Stable key of the error. */
            code: string;
            /** @description What to do about it. */
            hint: string;
            /** @description The values named in the sentence. */
            facts: Record<string, never>;
            instance?: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    HealthzHealthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Alive"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ReadyzReadyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Alive"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    MetricsAllMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1SystemStatusSystemStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SystemStatus"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1SystemSettingsSystemSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SettingList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1SystemLicencesSystemLicences: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LicenceList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1SystemQualityCodeQualityWords: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description OPC UA StatusCode */
                code: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QualityWords"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1SystemJobsListJobs: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Jobs on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1SystemJobsJobIdGetJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1SystemJobsJobIdCancelCancelJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request accepted, processing continues off-line */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1SystemBackupsListBackups: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BackupList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1SystemBackupsMakeBackup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request accepted, processing continues off-line */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StartedBackup"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1SystemBackupsNameRemoveBackup: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DashboardsListDashboards: {
        parameters: {
            query?: {
                /** @description Also what others share with nobody; for administrators */
                everybodys?: boolean;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DashboardPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DashboardsCreateDashboard: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DashboardBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DashboardView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DashboardsGetDashboard: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dashboard: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DashboardView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DashboardsPutDashboard: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the dashboard as you read it */
                "If-Match"?: string | null;
            };
            path: {
                dashboard: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DashboardBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DashboardView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DashboardsDeleteDashboard: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dashboard: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DashboardsVersionsListDashboardVersions: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path: {
                dashboard: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DashboardVersionPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DashboardsVersionsGetDashboardVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dashboard: string;
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DashboardVersionView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DashboardsVersionsDiffDiffDashboardVersions: {
        parameters: {
            query?: {
                /** @description The other version; the one before, if not given */
                against?: number | null;
            };
            header?: never;
            path: {
                dashboard: string;
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DashboardDifferences"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DashboardsVersionsRestoreRestoreDashboard: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the dashboard as you read it */
                "If-Match"?: string | null;
            };
            path: {
                dashboard: string;
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DashboardView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1LedgerListLogs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1LedgerLogCheckpointGetCheckpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                log: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1LedgerLogCheckpointCosignedGetCosigned: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                log: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1LedgerLogKeyGetKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                log: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1LedgerLogTilePathGetTile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                log: string;
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1LedgerLogProofInclusionProveInclusion: {
        parameters: {
            query: {
                /** @description Number of the entry, from 0 */
                index: number;
                /** @description Entries of the tree; those of the checkpoint where not given */
                size?: number | null;
            };
            header?: never;
            path: {
                log: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InclusionProof"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1LedgerLogProofConsistencyProveConsistency: {
        parameters: {
            query: {
                /** @description Entries of the earlier tree */
                old: number;
                /** @description Entries of the later tree; of the checkpoint where not given */
                new?: number | null;
            };
            header?: never;
            path: {
                log: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConsistencyProof"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1LedgerWitnessKeyGetWitnessKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1LedgerWitnessAddCheckpointAddCheckpoint: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessSessionWhoAmI: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessSessionSignIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignInBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessSessionSignOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": null;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPasswordChangePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessInvitationsDescribeDescribeInvitation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InvitationBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvitationView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessInvitationsRedeemRedeem: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RedeemBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessRolesListRoles: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoleList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsListPrincipals: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrincipalPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsCreatePrincipal: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PrincipalBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewPrincipalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsNameGetPrincipal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrincipalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsNameRolesSetRoles: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the object as you read it */
                "If-Match"?: string | null;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RolesBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrincipalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsNameClearanceSetClearance: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ClearanceBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrincipalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsNameRevokeRevoke: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrincipalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsNameReinstateReinstate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrincipalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsNameInvitationInvite: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewInvitationView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsNameCredentialsIssueCredentials: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CredentialsView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessTokensListTokens: {
        parameters: {
            query?: {
                /** @description Whose; one's own where not given */
                name?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessTokensCreateToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewTokenView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessTokensRevokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessAuditListAudit: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
                /** @description Only what this principal did */
                name?: string | null;
                /** @description Whole, or its beginning and a * */
                action?: string | null;
                /** @description Only entries with this value */
                resource?: string | null;
                /** @description Only this outcome */
                outcome?: "asked" | "done" | "refused" | "denied" | "locked" | null;
                /** @description Only this kind of act */
                kind?: "sign_in" | "denial" | "change" | "command" | "export" | "deletion" | "alarm" | "general" | null;
                /** @description Only entries with this value */
                trace?: string | null;
                /** @description RFC 3339, or an offset such as -2h */
                from?: string | null;
                /** @description RFC 3339, or an offset such as -2h */
                to?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessAuditBodiesReadBodies: {
        parameters: {
            query?: {
                /** @description From this place in the ledger on */
                place?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Stream Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessAuditEntryProveEntry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                entry: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProofView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessAuditPrunePruneAudit: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PruneBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrunedView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsNameEraseErasePerson: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErasedView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessSessionMethodsSignInMethods: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MethodsView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPasskeysOptionsPasskeyOptions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CeremonyView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPasskeysListPasskeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PasskeyList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPasskeysRegisterPasskey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasskeyBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PasskeyView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPasskeysRenamePasskey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                passkey: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["people_views_LabelBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PasskeyView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPasskeysRemovePasskey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                passkey: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessSessionPasskeyOptionsPasskeySignInOptions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CeremonyView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessSessionPasskeyPasskeySignIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasskeySignInBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessOidcStartOidcStart: {
        parameters: {
            query?: {
                /** @description A path of this server to go to afterwards */
                next?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Object moved -- see Method and URL list */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessOidcLinkOidcLink: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LinkBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GoView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessOidcCallbackOidcCallback: {
        parameters: {
            query?: {
                /** @description What the provider gave */
                code?: string;
                /** @description What we gave the provider */
                state?: string;
                /** @description Who the provider says it is */
                iss?: string | null;
                /** @description Why the provider refuses */
                error?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Object moved -- see Method and URL list */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessIdentitiesListIdentities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdentityList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessIdentitiesIdentityIdRemoveIdentity: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                identity_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessSessionsListSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenSessionList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessSessionsEndOtherSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndedView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessSessionsEndSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPrincipalsNameSignInsListSignIns: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignInsView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessSessionBreakGlassUseBreakGlass: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BreakGlassBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessBreakGlassBreakGlassStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BreakGlassView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessBreakGlassCreateBreakGlass: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewBreakGlassView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessBreakGlassAcknowledgeAcknowledgeBreakGlass: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BreakGlassView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessZonesGetZones: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ZonePlanView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessZonesPutZones: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the plan as you read it */
                "If-Match"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ZonePlan"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ZonePlanView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessZonesCheckCheckZones: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ZonePlan"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Effect"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessZonesRulesNameRenderZones: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rendered"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessEnrolmentInvitationsInviteMachine: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InviteBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvitedView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessEnrolmentMachinesListMachines: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MachineList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessEnrolmentJoinJoin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Joined"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPoliciesListPolicies: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PolicyList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPoliciesNameGetPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PolicyView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPoliciesNameSetPolicy: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the policy as you read it */
                "If-Match"?: string | null;
                /** @description `*`: only where there is no policy of this name */
                "If-None-Match"?: string | null;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PolicyView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPoliciesNameWithdrawPolicy: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the policy as you read it */
                "If-Match"?: string | null;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPoliciesCheckCheckPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CheckBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckedView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPoliciesCompareComparePolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CompareBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ComparisonView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPoliciesTestTryPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TrialBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrialView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessPoliciesExplainExplainDecision: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExplainBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExplanationView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessApprovalsListApprovals: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["policy_views_ApprovalList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessApprovalsGetApproval: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                approval: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["policy_views_ApprovalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessApprovalsApproveApprove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                approval: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["policy_views_ApprovalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessApprovalsRefuseRefuse: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                approval: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["policy_views_ApprovalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessCertificatesListCertificates: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
                /** @description Only this principal's */
                name?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificatePage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessCertificatesIssueCertificate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CertificateBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IssuedView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessCertificatesFingerprintGetCertificate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                fingerprint: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessCertificatesFingerprintRevokeRevokeCertificate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                fingerprint: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RevocationBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessCaPemGetAuthorities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessCrlGetCrl: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsListLabels: {
        parameters: {
            query?: {
                /** @description First characters of the objects wanted */
                prefix?: string;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LabelPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsSetLabel: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["labels_views_LabelBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LabelView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsShowShowLabel: {
        parameters: {
            query: {
                /** @description Path, handle or name */
                object: string;
                /** @description tag, stream, table, file or dataset */
                kind?: "tag" | "stream" | "table" | "file" | "dataset";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ShownView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsWithdrawWithdrawLabel: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ObjectBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LabelView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsProposeProposeLabels: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProposeBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Many"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsProposalsListProposals: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LabelPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsDecideDecideLabels: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DecideBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Many"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsCatalogueGetCatalogue: {
        parameters: {
            query?: {
                /** @description json or csv */
                format?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsLineageAddLineage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LineageBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsDeclassificationsListRules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RuleList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsDeclassificationsAddRule: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeclassificationBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RuleView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsDeclassificationsNameWithdrawWithdrawRule: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsApprovalsListApprovals: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["labels_views_ApprovalList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsApprovalsAddApproval: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApprovalBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["labels_views_ApprovalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsExportsListExports: {
        parameters: {
            query?: {
                /** @description Part of recipient, purpose or object */
                search?: string;
                /** @description Only to recipients that are not of this house */
                outside?: boolean | null;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExportPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLabelsCanariesListCanaries: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CanaryList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessDatasetsListDatasets: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DatasetList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessDatasetsCreateDataset: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DatasetBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DatasetView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessDatasetsNameEraseEraseDataset: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EraseBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DatasetView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessDatasetsNameFileKeysNewFileKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileKeyView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessDatasetsNameFileKeysOpenOpenFileKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["FileKeyBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileKeyView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessHoldsListHolds: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HoldList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessHoldsPlaceHold: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ObjectBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HoldView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessHoldsReleaseReleaseHold: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                hold: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReasonBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HoldView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLeaksListLeaks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LeakList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLeaksOpenLeak: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LeakBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LeakView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessLeaksStepsMoveLeak: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                leak: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LeakStepBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LeakView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessProjectsListProjects: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProjectPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessProjectsCreateProject: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProjectBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProjectView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessProjectsDeleteProject: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessProjectsMembersListMembers: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MemberList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessProjectsMembersNameAddMember: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrincipalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessProjectsMembersNameRemoveMember: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrincipalView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessTenantsListTenants: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1AccessTenantsCreateTenant: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProjectBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewTenantView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1ResolutionResolveResolveIdentifier: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResolveBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResolvedView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1ResolutionNodesListNodes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NodeList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryTagsListTags: {
        parameters: {
            query?: {
                /** @description First characters of the paths wanted */
                prefix?: string;
                /** @description Words, each somewhere in path, description or handle */
                search?: string;
                /** @description Also tags that are no longer configured */
                removed?: boolean;
                /** @description Path of a tag; repeat it for several */
                tag?: string[] | null;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TagPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryLatestLatest: {
        parameters: {
            query?: {
                /** @description Path of a tag; repeat it for several */
                tag?: string[] | null;
                /** @description Why the data are asked for, as one word; kept with an export */
                purpose?: string;
                /** @description Who gets the data, where that is not the caller */
                recipient?: string;
                /** @description json, ndjson, csv, arrow or parquet; else what Accept asks for */
                format?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Additional response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SamplePage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryRawRaw: {
        parameters: {
            query: {
                /** @description RFC 3339, or an offset such as -15m; included */
                from: string;
                /** @description Path of a tag; repeat it for several */
                tag?: string[] | null;
                /** @description RFC 3339, or an offset; not included */
                to?: string;
                /** @description Most rows; JSON gives 1000 where it is left out */
                limit?: number | null;
                /** @description With the bounding values of OPC UA Part 11 */
                bounds?: boolean;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Why the data are asked for, as one word; kept with an export */
                purpose?: string;
                /** @description Who gets the data, where that is not the caller */
                recipient?: string;
                /** @description json, ndjson, csv, arrow or parquet; else what Accept asks for */
                format?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Additional response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SamplePage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryGapsListGaps: {
        parameters: {
            query?: {
                /** @description RFC 3339, or an offset such as -15m; included */
                from?: string;
                /** @description RFC 3339, or an offset; not included */
                to?: string;
                /** @description Only of this gateway */
                gateway?: string | null;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GapPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryStatusStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HistoryStatus"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistorySealSeal: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sealed"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryProcessedProcessed: {
        parameters: {
            query: {
                /** @description RFC 3339, or an offset such as -15m; included */
                from: string;
                /** @description Path of a tag; repeat it for several */
                tag?: string[] | null;
                /** @description RFC 3339, or an offset; not included */
                to?: string;
                /** @description A length of time such as 60s, 10m, 1h, 1d; a number is seconds */
                interval?: string;
                /** @description Name in OPC UA Part 13 */
                aggregate?: string;
                /** @description Values hold until the next one; else as the kind of each tag: only numbers are sloped */
                stepped?: boolean | null;
                /** @description TreatUncertainAsBad */
                treat_uncertain_as_bad?: boolean;
                /** @description PercentDataBad */
                percent_data_bad?: number;
                /** @description PercentDataGood */
                percent_data_good?: number;
                /** @description UseSlopedExtrapolation */
                use_sloped_extrapolation?: boolean;
                /** @description Values on one page of JSON */
                limit?: number;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Why the data are asked for, as one word; kept with an export */
                purpose?: string;
                /** @description Who gets the data, where that is not the caller */
                recipient?: string;
                /** @description json, ndjson, csv, arrow or parquet; else what Accept asks for */
                format?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Additional response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ValuePage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryAtAt: {
        parameters: {
            query?: {
                /** @description A time; repeat it for several */
                time?: string[] | null;
                /** @description Path of a tag; repeat it for several */
                tag?: string[] | null;
                /** @description interpolated or previous */
                mode?: string;
                /** @description Values hold until the next one; else as the kind of each tag: only numbers are sloped */
                stepped?: boolean | null;
                /** @description TreatUncertainAsBad */
                treat_uncertain_as_bad?: boolean;
                /** @description UseSlopedExtrapolation */
                use_sloped_extrapolation?: boolean;
                /** @description Values on one page of JSON */
                limit?: number;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Why the data are asked for, as one word; kept with an export */
                purpose?: string;
                /** @description Who gets the data, where that is not the caller */
                recipient?: string;
                /** @description json, ndjson, csv, arrow or parquet; else what Accept asks for */
                format?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Additional response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ValuePage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryWindowsWindows: {
        parameters: {
            query?: {
                /** @description Time of an event; repeat it */
                event?: string[] | null;
                /** @description Path of a tag; repeat it for several */
                tag?: string[] | null;
                /** @description A length of time such as 60s, 10m, 1h, 1d; a number is seconds */
                before?: string;
                /** @description A length of time such as 60s, 10m, 1h, 1d; a number is seconds */
                after?: string;
                /** @description Values on one page of JSON */
                limit?: number;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Why the data are asked for, as one word; kept with an export */
                purpose?: string;
                /** @description Who gets the data, where that is not the caller */
                recipient?: string;
                /** @description json, ndjson, csv, arrow or parquet; else what Accept asks for */
                format?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Additional response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ValuePage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryCorrectionsListCorrections: {
        parameters: {
            query?: {
                /** @description Path of a tag; repeat it for several */
                tag?: string[] | null;
                /** @description RFC 3339, or an offset such as -15m; included */
                from?: string;
                /** @description RFC 3339, or an offset; not included */
                to?: string;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CorrectionPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryCorrectionsCorrect: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Correcting"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CorrectionsMade"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistorySqlRunSql: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SqlRequest"];
            };
        };
        responses: {
            /** @description Stream Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryVerifyVerify: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VerifyRequest"];
            };
        };
        responses: {
            /** @description Request accepted, processing continues off-line */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StartedJob"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryStatsStats: {
        parameters: {
            query?: {
                /** @description Also each tag; reads a part of every file */
                tags?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Stats"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryImportImportBatch: {
        parameters: {
            query: {
                /** @description 32 hexadecimal digits made of the file's content and mapping */
                file: string;
                /** @description Number of the batch in the file, from 1 */
                seq: number;
                /** @description No batch follows */
                last?: boolean;
                /** @description The file's name, for the audit trail */
                name?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Taken"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryImportsImportFile: {
        parameters: {
            query: {
                /** @description The file's own name */
                name: string;
                /** @description csv, ndjson, arrow or parquet; else by the file's name */
                format?: string | null;
                /** @description NAME=PATH: what the file calls a tag, and its path */
                map?: string[] | null;
                /** @description Column of the times; else time, ts or timestamp */
                time?: string;
                /** @description Store the other rows where some are wrong */
                skip_faulty?: boolean;
                /** @description For a file in several pieces: 32 hexadecimal digits, the same for each */
                upload?: string;
                /** @description Where in the file the piece begins */
                offset?: number;
                /** @description Bytes of the whole file: one too large is refused at its first piece */
                size?: number;
                /** @description No piece follows */
                last?: boolean;
                /** @description Whose the job is; the caller's, where empty */
                project?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request accepted, processing continues off-line */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Uploaded"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryImportsImportJobFaultsImportFaults: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                import_job: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FaultPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryUploadsDeleteUpload: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                upload: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryExportsExportFile: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExportRequest"];
            };
        };
        responses: {
            /** @description Request accepted, processing continues off-line */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExportStarted"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryExportsExportedFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                export: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Stream Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryExportsDeleteExport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                export: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryExportsStateExportState: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                export: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExportState"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryCompactCompact: {
        parameters: {
            query?: {
                /** @description Do not wait until hours and days that have just ended are settled */
                now?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request accepted, processing continues off-line */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MaintenanceStarted"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1HistoryRollupRollup: {
        parameters: {
            query?: {
                /** @description Do not wait until hours and days that have just ended are settled */
                now?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request accepted, processing continues off-line */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MaintenanceStarted"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeCertificatesListCertificates: {
        parameters: {
            query?: {
                /** @description Which gateway: the box's own, or one that has enrolled */
                gateway?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeCertificatesFingerprintTrustTrustCertificate: {
        parameters: {
            query?: {
                /** @description Which gateway: the box's own, or one that has enrolled */
                gateway?: string;
            };
            header?: never;
            path: {
                fingerprint: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trusted"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeCertificatesFingerprintTrustDistrustCertificate: {
        parameters: {
            query?: {
                /** @description Which gateway: the box's own, or one that has enrolled */
                gateway?: string;
            };
            header?: never;
            path: {
                fingerprint: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trusted"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeSecretsListSecrets: {
        parameters: {
            query?: {
                /** @description Which gateway: the box's own, or one that has enrolled */
                gateway?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeSecretsNameKeepSecret: {
        parameters: {
            query?: {
                /** @description Which gateway: the box's own, or one that has enrolled */
                gateway?: string;
                /** @description Whose it is; the maker's, where empty */
                project?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Secret"];
            };
        };
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeSecretsNameForgetSecret: {
        parameters: {
            query?: {
                /** @description Which gateway: the box's own, or one that has enrolled */
                gateway?: string;
                /** @description Whose it is; the maker's, where empty */
                project?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeDevicesListDevices: {
        parameters: {
            query?: {
                /** @description Only the one of this name */
                name?: string;
                /** @description Words, each somewhere in name, path, driver, endpoint, … */
                search?: string;
                /** @description Only with this driver */
                driver?: string;
                /** @description Only of this gateway */
                gateway?: string;
                /** @description Only at this path or below it */
                below?: string;
                /** @description Only in this state */
                state?: string;
                /** @description Say how devices stand */
                states?: boolean;
                /** @description What they are sorted by */
                sort?: "name" | "path" | "driver" | "endpoint" | "points" | "gateway" | "project" | "changed" | "state";
                /** @description The last first */
                descending?: boolean;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DevicePage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeDevicesAddDevice: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewDeviceBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeLevelsListLevels: {
        parameters: {
            query?: {
                /** @description A path; the whole plant's first levels, where empty */
                below?: string;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlantLevels"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeRehearseRehearseDevice: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewDeviceBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rehearsal"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeDevicesNameGetDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeDevicesNameReplaceDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the device as you read it */
                "If-Match"?: string | null;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeDevicesNameRemoveDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the device as you read it */
                "If-Match"?: string | null;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeDevicesNamePointsListPoints: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PointPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeBrowseBrowse: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BrowseBody"];
            };
        };
        responses: {
            /** @description Request accepted, processing continues off-line */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobStarted"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeBrowseJobIdListFound: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path: {
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FoundPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeTestTestDevice: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TestBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TestReport"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeStatusGatewayStatus: {
        parameters: {
            query?: {
                /** @description Which gateway: the box's own, or one that has enrolled */
                gateway?: string;
                /** @description Only this device; repeat it */
                device?: string[] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayStatus"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeGatewaysListGateways: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeGatewaysConfigurationsListVersions: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path: {
                gateway: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VersionPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeDriversListDrivers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DriverList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeCommandsListCommands: {
        parameters: {
            query?: {
                /** @description Only of this device */
                device?: string;
                /** @description Only in this state */
                state?: string;
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandPage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeCommandsWriteValue: {
        parameters: {
            query?: {
                /** @description Seconds to wait until nothing more will come, at most 60 */
                wait?: number;
            };
            header?: {
                /** @description The same for a repetition */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CommandBody"];
            };
        };
        responses: {
            /** @description Document created, URL follows */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeCommandsGetCommand: {
        parameters: {
            query?: {
                /** @description Seconds to wait until nothing more will come, at most 60 */
                wait?: number;
            };
            header?: never;
            path: {
                command: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeCommandsApproveApproveCommand: {
        parameters: {
            query?: {
                /** @description Seconds to wait until nothing more will come, at most 60 */
                wait?: number;
            };
            header?: never;
            path: {
                command: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeCommandsRefuseRefuseCommand: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                command: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RefuseBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeCommandsCancelCancelCommand: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                command: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeDevicesNameLeaseTakeLease: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LeaseBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LeaseView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeDevicesNameLeaseGiveLeaseBack: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeGatewaysGuardGetGuard: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                gateway: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GuardView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeImportsReadImport: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ImportBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportedView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeGatewaysPartsListParts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                gateway: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PartList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeGatewaysPartsGetPart: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                gateway: string;
                part: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PartView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeGatewaysPartsPutPart: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the document as you read it */
                "If-Match"?: string | null;
            };
            path: {
                gateway: string;
                part: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PartView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeGatewaysPartsRemovePart: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the document as you read it */
                "If-Match"?: string | null;
            };
            path: {
                gateway: string;
                part: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeProfilesListProfiles: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string | null;
                /** @description Items on one page */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProfilePage"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeProfilesGetProfile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                profile: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceProfile"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeProfilesPutProfile: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the profile as you read it */
                "If-Match"?: string | null;
            };
            path: {
                profile: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProfileBody"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceProfile"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeProfilesRemoveProfile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                profile: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, nothing follows */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeProfilesApplyApplyProfile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                profile: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Applied"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeGatewaysConfigurationsVersionGetConfiguration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                gateway: string;
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConfigurationView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeGatewaysConfigurationsVersionDiffDiffConfigurations: {
        parameters: {
            query?: {
                /** @description The other version; the one before, if not given */
                against?: number | null;
            };
            header?: never;
            path: {
                gateway: string;
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DifferenceList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1EdgeGatewaysConfigurationsVersionRestoreRestoreConfiguration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                gateway: string;
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConfigurationView"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DemoStatusPlantStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlantStatus"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DemoDisturbancesListDisturbances: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DisturbanceList"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DemoDisturbDisturb: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Disturbances"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlantStatus"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DemoCalmCalm: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Disturbances"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlantStatus"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DemoSpeedChangeSpeed: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Speed"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlantStatus"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DemoAutoAutomatic: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Valves"];
            };
        };
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlantStatus"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ApiV1DemoRestartRestart: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlantStatus"];
                };
            };
            /** @description Anything else: what is wrong and what to do. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
