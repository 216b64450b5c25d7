/* SPDX-License-Identifier: MIT */
/* mvm-probe metrics: what a collector of metrics reads. */
#include "probe_rig.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(probe_metrics, .init = probe_rig_set_up, .fini = probe_rig_clean_up, .timeout = 120);

static const char metrics[] =
	"{\"Metrics\":{\"guest\":{\"uptime_ms\":61005,\"processors\":2,\"tasks\":9,"
	"\"cpu_us\":1500000,\"memory_bytes\":134217728,\"memory_available_bytes\":null},"
	"\"agent\":{\"version\":\"0.1.0\",\"memory_bytes\":400000,\"connections\":1,"
	"\"requests\":12,\"commands\":0,\"commands_cpu_us\":7},"
	"\"integrations\":{\"total\":2,\"checked\":1,\"healthy\":1},"
	"\"probes\":{\"total\":1,\"checked\":1,\"healthy\":0},\"services\":[" PROBE_RIG_WEB
	"," PROBE_RIG_DB "]}}";

#define L       "{vm=\"v.sock\",target=\"v.sock\""
#define LW      L ",service=\"web\"}"
#define LD      L ",service=\"d\\\\x1bb\"}"
#define GAUGE   " gauge\n# HELP "
#define COUNTER " counter\n# HELP "

Test(probe_metrics, metrics_as_openmetrics)
{
	static const char want[] =
		"# TYPE mvm_up" GAUGE "mvm_up Whether the guest's agent answers.\n"
		"mvm_up" L "} 1\n"
		"mvm_up{vm=\"w.sock\",target=\"w.sock\"} 0\n"
		"# TYPE mvm_guest_uptime_seconds gauge\n# UNIT mvm_guest_uptime_seconds seconds\n"
		"# HELP mvm_guest_uptime_seconds Time since the guest's kernel started.\n"
		"mvm_guest_uptime_seconds" L "} 61.005\n"
		"# TYPE mvm_guest_processors" GAUGE
		"mvm_guest_processors Processors of the guest.\n"
		"mvm_guest_processors" L "} 2\n"
		"# TYPE mvm_guest_tasks" GAUGE
		"mvm_guest_tasks Processes and threads in the guest.\n"
		"mvm_guest_tasks" L "} 9\n"
		"# TYPE mvm_guest_cpu_seconds counter\n# UNIT mvm_guest_cpu_seconds seconds\n"
		"# HELP mvm_guest_cpu_seconds Processor time used in the guest.\n"
		"mvm_guest_cpu_seconds_total" L "} 1.500000\n"
		"# TYPE mvm_guest_memory_bytes gauge\n# UNIT mvm_guest_memory_bytes bytes\n"
		"# HELP mvm_guest_memory_bytes Memory of the guest.\n"
		"mvm_guest_memory_bytes" L "} 134217728\n"
		"# TYPE mvm_guest_memory_available_bytes gauge\n"
		"# UNIT mvm_guest_memory_available_bytes bytes\n"
		"# HELP mvm_guest_memory_available_bytes Memory still available to the "
		"guest's programs.\n"
		"# TYPE mvm_agent_memory_bytes gauge\n# UNIT mvm_agent_memory_bytes bytes\n"
		"# HELP mvm_agent_memory_bytes Resident memory of the agent.\n"
		"mvm_agent_memory_bytes" L "} 400000\n"
		"# TYPE mvm_agent_connections" GAUGE
		"mvm_agent_connections Open connections to the agent.\n"
		"mvm_agent_connections" L "} 1\n"
		"# TYPE mvm_agent_requests" COUNTER
		"mvm_agent_requests Requests that the agent has served.\n"
		"mvm_agent_requests_total" L "} 12\n"
		"# TYPE mvm_agent_commands" GAUGE
		"mvm_agent_commands Running commands of the agent.\n"
		"mvm_agent_commands" L "} 0\n"
		"# TYPE mvm_agent_commands_cpu_seconds counter\n"
		"# UNIT mvm_agent_commands_cpu_seconds seconds\n"
		"# HELP mvm_agent_commands_cpu_seconds Processor time of the agent's commands.\n"
		"mvm_agent_commands_cpu_seconds_total" L "} 0.000007\n"
		"# TYPE mvm_integrations" GAUGE "mvm_integrations Configured integrations.\n"
		"mvm_integrations" L "} 2\n"
		"# TYPE mvm_integrations_checked" GAUGE
		"mvm_integrations_checked Integrations with a health check.\n"
		"mvm_integrations_checked" L "} 1\n"
		"# TYPE mvm_integrations_healthy" GAUGE
		"mvm_integrations_healthy Healthy integrations.\n"
		"mvm_integrations_healthy" L "} 1\n"
		"# TYPE mvm_probes" GAUGE "mvm_probes Configured probes.\n"
		"mvm_probes" L "} 1\n"
		"# TYPE mvm_probes_healthy" GAUGE "mvm_probes_healthy Healthy probes.\n"
		"mvm_probes_healthy" L "} 0\n"
		"# TYPE mvm_service_running" GAUGE "mvm_service_running Whether the service runs.\n"
		"mvm_service_running" LW " 1\n"
		"mvm_service_running" LD " 0\n"
		"# TYPE mvm_service_state_seconds gauge\n# UNIT mvm_service_state_seconds seconds\n"
		"# HELP mvm_service_state_seconds Time in the service's current state.\n"
		"mvm_service_state_seconds" LW " 12.345\n"
		"mvm_service_state_seconds" LD " 0.200\n"
		"# TYPE mvm_service_restarts" COUNTER
		"mvm_service_restarts Automatic restarts of the service.\n"
		"mvm_service_restarts_total" LW " 0\n"
		"mvm_service_restarts_total" LD " 7\n"
		"# TYPE mvm_service_failures" GAUGE
		"mvm_service_failures Failures of the service in a row.\n"
		"mvm_service_failures" LW " 0\n"
		"mvm_service_failures" LD " 8\n"
		"# TYPE mvm_service_exit_code" GAUGE
		"mvm_service_exit_code Exit code of the latest process that ended, or 128 and its "
		"signal.\n"
		"mvm_service_exit_code" LD " 127\n"
		"# TYPE mvm_service_memory_bytes gauge\n# UNIT mvm_service_memory_bytes bytes\n"
		"# HELP mvm_service_memory_bytes Memory of the service's cgroup.\n"
		"mvm_service_memory_bytes" LW " 1572864\n"
		"# TYPE mvm_service_cpu_seconds counter\n# UNIT mvm_service_cpu_seconds seconds\n"
		"# HELP mvm_service_cpu_seconds Processor time of the cgroup.\n"
		"mvm_service_cpu_seconds_total" LW " 61.234567\n"
		"# TYPE mvm_service_tasks" GAUGE
		"mvm_service_tasks Processes and threads of the cgroup.\n"
		"mvm_service_tasks" LW " 3\n"
		"# TYPE mvm_service_oom_kills" COUNTER
		"mvm_service_oom_kills Processes killed because memory ran out.\n"
		"mvm_service_oom_kills_total" LW " 0\n"
		"# EOF\n";
	struct program_result r;

	probe_rig_say(metrics);
	PROGRAM_RUN(&r, NULL, PROGRAM, "metrics", "v.sock", "w.sock");
	cr_assert_eq(r.status, 3);
	cr_expect_str_eq(r.out, want, "%s", r.out);
	cr_expect_not_null(strstr(r.err, "w.sock: closed without OK"), "%s", r.err);
	program_free(&r);
}

/* A guest chooses the names of its services, and must not end a label or a line with them. */
Test(probe_metrics, labels_cannot_be_escaped_from)
{
	struct program_result r;

	probe_rig_say("{\"Metrics\":{\"services\":[{\"name\":\"a\\\"} 1\\nmvm_up 0\\\\\"}]}}");
	PROGRAM_RUN(&r, NULL, PROGRAM, "metrics", "v.sock");
	cr_assert_eq(r.status, 0);
	cr_assert_not_null(strstr(r.out, "mvm_service_running" L
					 ",service=\"a\\\"} 1\\\\nmvm_up 0\\\\\"} 0\n"),
		"%s", r.out);
	cr_assert_null(strstr(r.out, "\nmvm_up 0"));
	program_free(&r);
}

Test(probe_metrics, metrics_as_json)
{
	struct program_result r;
	json_t *object, *want;

	probe_rig_say(metrics);
	PROGRAM_RUN(&r, NULL, PROGRAM, "metrics", "-j", "v.sock");
	cr_assert_eq(r.status, 0);
	object = json_loads(r.out, 0, NULL);
	want = json_loads(metrics, 0, NULL);
	cr_assert(json_equal(json_object_get(object, "metrics"), json_object_get(want, "Metrics")));
	json_decref(object);
	json_decref(want);
	program_free(&r);
}
