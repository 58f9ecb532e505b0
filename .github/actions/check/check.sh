# Annotations beside the change, and the table in the summary of the job. Ends as `tare check` does.
set -uo pipefail
check() {
    tare check "$RECORD" --baseline "$BASELINE" --tolerance "$TOLERANCE" --format "$1"
}
check md >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
check github
