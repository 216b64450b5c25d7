/* SPDX-License-Identifier: MIT */
/*
 * Uses each feature that a kernel can have beyond the ordinary (nix/kernel/features) once.
 *
 *   features NAME...
 *
 * Prints for each "NAME: works", or "NAME: STEP: ERROR". Runs as root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/fuse.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#define IPT_FILTER_SIZE 84 /* struct ipt_getinfo */
#define IPT_SO_GET_INFO_                                                                           \
	64 /* IPT_BASE_CTL; <linux/netfilter_ipv4/ip_tables.h> needs <net/if.h>'s twin */

/* The step at which something failed; errno says why. */
static const char *step;

static int at(const char *name, int result)
{
	step = name;
	return result;
}

/* ---- netlink --------------------------------------------------------------------------------- */

/* Messages that are put together; `open` are the places of what is not closed yet. */
struct packet {
	char bytes[4096];
	size_t len, message, open[8];
	unsigned int depth, sequence;
};

static void *put(struct packet *p, const void *data, size_t len)
{
	void *place = p->bytes + p->len;

	if (data != NULL)
		memcpy(place, data, len);
	else
		memset(place, 0, len);
	p->len += NLMSG_ALIGN(len);
	return place;
}

/* A message whose fixed part is `body`; end_message() says how long it has become. */
static void begin(
	struct packet *p, unsigned int type, unsigned int flags, const void *body, size_t body_len)
{
	struct nlmsghdr h = { .nlmsg_type = (unsigned short)type,
		.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags),
		.nlmsg_seq = ++p->sequence };

	p->message = p->len;
	put(p, &h, sizeof(h));
	put(p, body, body_len);
}

static void end_message(struct packet *p)
{
	((struct nlmsghdr *)(void *)(p->bytes + p->message))->nlmsg_len =
		(unsigned int)(p->len - p->message);
}

static void attribute(struct packet *p, unsigned int type, const void *data, size_t len)
{
	struct nlattr a = { .nla_type = (unsigned short)type,
		.nla_len = (unsigned short)(NLA_HDRLEN + len) };

	put(p, &a, sizeof(a));
	put(p, data, len);
}

static void attribute_text(struct packet *p, unsigned int type, const char *text)
{
	attribute(p, type, text, strlen(text) + 1);
}

/* A number in the byte order of the network, as nf_tables has them. */
static void attribute_number(struct packet *p, unsigned int type, unsigned int value)
{
	value = htonl(value);
	attribute(p, type, &value, sizeof(value));
}

static void nest(struct packet *p, unsigned int type)
{
	p->open[p->depth++] = p->len;
	attribute(p, NLA_F_NESTED | type, NULL, 0);
}

static void nest_end(struct packet *p)
{
	size_t start = p->open[--p->depth];

	((struct nlattr *)(void *)(p->bytes + start))->nla_len = (unsigned short)(p->len - start);
}

/* Sends the messages, and takes an answer to each that asked for one. */
static int exchange(int family, const struct packet *p, unsigned int answers)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family), error = 0;
	char in[8192];

	if (fd < 0)
		return -1;
	if (send(fd, p->bytes, p->len, 0) != (ssize_t)p->len)
		error = errno;
	while (answers > 0 && error == 0) {
		ssize_t n = recv(fd, in, sizeof(in), 0);
		struct nlmsghdr *h = (void *)in;

		if (n < 0)
			error = errno;
		for (; n > 0 && NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n))
			if (h->nlmsg_type == NLMSG_ERROR) {
				error = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
				answers--;
			}
	}
	close(fd);
	errno = error;
	return error == 0 ? 0 : -1;
}

/* A network device of this kind; a veth gets a peer. */
static int add_link(const char *kind, const char *name, const char *peer)
{
	struct packet p = { .len = 0 };
	struct ifinfomsg info = {
		.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP
	};
	struct ifinfomsg down = { .ifi_family = AF_UNSPEC };

	begin(&p, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &info, sizeof(info));
	attribute_text(&p, IFLA_IFNAME, name);
	nest(&p, IFLA_LINKINFO);
	attribute_text(&p, IFLA_INFO_KIND, kind);
	if (peer != NULL) {
		nest(&p, IFLA_INFO_DATA);
		nest(&p, VETH_INFO_PEER);
		/* A peer that is to be up at once is refused: it is alone until the answer. */
		put(&p, &down, sizeof(down));
		attribute_text(&p, IFLA_IFNAME, peer);
		nest_end(&p);
		nest_end(&p);
	}
	nest_end(&p);
	end_message(&p);
	return exchange(NETLINK_ROUTE, &p, 1);
}

/* ---- features -------------------------------------------------------------------------------- */

static int use_tun(void)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return at("open /dev/net/tun", -1);
	strcpy(request.ifr_name, "tun-test");
	return at("make a device", ioctl(fd, TUNSETIFF, &request));
}

static int use_wireguard(void)
{
	return at("make a device", add_link("wireguard", "wg-test", NULL));
}

/* The kernel's first question to the file system's program shows that it is one. */
static int use_fuse(void)
{
	char options[64], request[FUSE_MIN_READ_BUFFER];
	struct fuse_in_header *header = (void *)request;
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return at("open /dev/fuse", -1);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	mkdir("/tmp/fuse", 0755);
	if (mount("test", "/tmp/fuse", "fuse", 0, options) != 0)
		return at("mount", -1);
	if (read(fd, request, sizeof(request)) < (ssize_t)sizeof(*header))
		return at("read", -1);
	umount2("/tmp/fuse", MNT_DETACH);
	errno = EPROTO;
	return at("first request", header->opcode == FUSE_INIT ? 0 : -1);
}

static int use_virtio_fs(void)
{
	int fd;

	mkdir("/tmp/shared", 0755);
	if (mount("shared", "/tmp/shared", "virtiofs", MS_RDONLY, NULL) != 0)
		return at("mount", -1);
	fd = open("/tmp/shared/from-the-host", O_RDONLY | O_CLOEXEC);
	return at("open the host's file", fd < 0 ? -1 : 0);
}

static int use_overlay(void)
{
	static const char *const directories[] = { "/tmp/o", "/tmp/o/lower", "/tmp/o/upper",
		"/tmp/o/work", "/tmp/o/merged" };
	int fd;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (mkdir(directories[i], 0755) != 0)
			return at(directories[i], -1);
	fd = open("/tmp/o/lower/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return at("create a file", -1);
	close(fd);
	if (mount("overlay", "/tmp/o/merged", "overlay", 0,
		    "lowerdir=/tmp/o/lower,upperdir=/tmp/o/upper,workdir=/tmp/o/work,"
		    "redirect_dir=on,index=on,metacopy=on") != 0)
		return at("mount", -1);
	if (rename("/tmp/o/merged/file", "/tmp/o/merged/other") != 0)
		return at("rename", -1);
	return at("the file in the upper directory", access("/tmp/o/upper/other", F_OK));
}

static void nft_batch(struct packet *p, unsigned int type)
{
	struct nfgenmsg header = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	begin(p, type, 0, &header, sizeof(header));
	end_message(p);
}

static void nft_begin(struct packet *p, unsigned int type, unsigned int flags)
{
	struct nfgenmsg header = { .nfgen_family = NFPROTO_IPV4 };

	begin(p, NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_CREATE | NLM_F_ACK | flags, &header,
		sizeof(header));
}

/* Drops all that leaves: a table, a chain at the output, a rule of one expression. */
static int use_nftables(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct packet p = { .len = 0 };

	nft_batch(&p, NFNL_MSG_BATCH_BEGIN);
	nft_begin(&p, NFT_MSG_NEWTABLE, 0);
	attribute_text(&p, NFTA_TABLE_NAME, "test");
	end_message(&p);
	nft_begin(&p, NFT_MSG_NEWCHAIN, 0);
	attribute_text(&p, NFTA_CHAIN_TABLE, "test");
	attribute_text(&p, NFTA_CHAIN_NAME, "out");
	attribute_text(&p, NFTA_CHAIN_TYPE, "filter");
	nest(&p, NFTA_CHAIN_HOOK);
	attribute_number(&p, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	attribute_number(&p, NFTA_HOOK_PRIORITY, 0);
	nest_end(&p);
	end_message(&p);
	nft_begin(&p, NFT_MSG_NEWRULE, NLM_F_APPEND);
	attribute_text(&p, NFTA_RULE_TABLE, "test");
	attribute_text(&p, NFTA_RULE_CHAIN, "out");
	nest(&p, NFTA_RULE_EXPRESSIONS);
	nest(&p, NFTA_LIST_ELEM);
	attribute_text(&p, NFTA_EXPR_NAME, "immediate");
	nest(&p, NFTA_EXPR_DATA);
	attribute_number(&p, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	nest(&p, NFTA_IMMEDIATE_DATA);
	nest(&p, NFTA_DATA_VERDICT);
	attribute_number(&p, NFTA_VERDICT_CODE, NF_DROP);
	for (int i = 0; i < 5; i++)
		nest_end(&p);
	end_message(&p);
	nft_batch(&p, NFNL_MSG_BATCH_END);

	if (sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
		return at("send without a rule", -1);
	if (exchange(NETLINK_NETFILTER, &p, 3) != 0)
		return at("add a rule", -1);
	if (sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno == EPERM)
		return 0;
	errno = ENOTSUP;
	return at("drop a packet", -1);
}

/* The old tables, IPv4's and IPv6's, as iptables asks for them. */
static int use_iptables(void)
{
	static const int families[][2] = { { AF_INET, IPPROTO_IP }, { AF_INET6, IPPROTO_IPV6 } };

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		char info[IPT_FILTER_SIZE] = "nat";
		socklen_t len = sizeof(info);
		int fd = socket(families[i][0], SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

		if (fd < 0 || getsockopt(fd, families[i][1], IPT_SO_GET_INFO_, info, &len) != 0)
			return at(i == 0 ? "table nat" : "table nat of IPv6", -1);
		close(fd);
	}
	return 0;
}

/* A bridge, a pair of cards, and a program that refuses a control group every device. */
static int use_containers(void)
{
	struct bpf_insn refuse[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = sizeof(refuse) / sizeof(refuse[0]),
		.insns = (unsigned long)refuse,
		.license = (unsigned long)"GPL" };
	union bpf_attr attach = { .attach_type = BPF_CGROUP_DEVICE };
	int program, group;

	if (add_link("bridge", "br-test", NULL) != 0)
		return at("make a bridge", -1);
	if (add_link("veth", "ve-test", "ve-peer") != 0)
		return at("make a pair of cards", -1);
	mkdir("/tmp/cgroup", 0755);
	if (mount("cgroup2", "/tmp/cgroup", "cgroup2", 0, NULL) != 0)
		return at("mount cgroup2", -1);
	mkdir("/tmp/cgroup/test", 0755);
	group = open("/tmp/cgroup/test", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if (program < 0)
		return at("load a program", -1);
	attach.target_fd = (unsigned int)group;
	attach.attach_bpf_fd = (unsigned int)program;
	return at("attach it", (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)));
}

/* The kernel's Documentation/userspace-api/landlock.rst: the version of the interface. */
static int use_landlock(void)
{
	return at("ask for the version", (int)syscall(444, NULL, 0, 1));
}

static const struct {
	const char *name;
	int (*use)(void);
} features[] = {
	{ "containers", use_containers },
	{ "fuse", use_fuse },
	{ "iptables", use_iptables },
	{ "landlock", use_landlock },
	{ "nftables", use_nftables },
	{ "overlay", use_overlay },
	{ "tun", use_tun },
	{ "virtio_fs", use_virtio_fs },
	{ "wireguard", use_wireguard },
};

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		for (size_t n = 0; n < sizeof(features) / sizeof(features[0]); n++) {
			if (strcmp(argv[i], features[n].name) != 0)
				continue;
			if (features[n].use() == 0)
				printf("%s: works\n", argv[i]);
			else
				printf("%s: %s: %s\n", argv[i], step, strerror(errno));
			fflush(stdout);
		}
	puts("all tried");
	fflush(stdout);
	pause();
	return 0;
}
