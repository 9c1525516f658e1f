#include "x11_keymap.h"

#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

#include "x11_keysym.h"

/* Which level a set of modifiers chooses. */
struct level_rule {
	uint8_t mods;
	uint8_t level;
	uint8_t preserve; /* modifiers that still act on the keysym found */
};

struct key_type {
	uint8_t mods; /* all others are ignored */
	uint8_t n_rules;
	struct level_rule *rules; /* owned */
};

struct key {
	uint8_t types[4];   /* one a group */
	uint8_t group_info; /* how many groups, and what happens beyond them */
	uint8_t width;      /* keysyms a group */
	uint8_t modmap;
	uint32_t *keysyms; /* owned, width for each group; then as many idents of them */
	uint32_t *idents;  /* inside keysyms */
};

struct x11_keymap {
	unsigned n_types, n_groups; /* n_groups: the most that any key has */
	unsigned min, max;          /* keycodes */
	unsigned level_mods, lock_mods;
	struct key_type *types; /* owned */
	struct key keys[256];
};

xcb_xkb_get_map_cookie_t x11_keymap_request(xcb_connection_t *c)
{
	return xcb_xkb_get_map(c, XCB_XKB_ID_USE_CORE_KBD,
		XCB_XKB_MAP_PART_KEY_TYPES | XCB_XKB_MAP_PART_KEY_SYMS |
			XCB_XKB_MAP_PART_MODIFIER_MAP,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

void x11_keymap_destroy(struct x11_keymap *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->n_types; i++)
		free(m->types[i].rules);
	for (unsigned i = 0; i < 256; i++)
		free(m->keys[i].keysyms);
	free(m->types);
	free(m);
}

static bool copy_type(struct key_type *t, const xcb_xkb_key_type_t *from)
{
	const xcb_xkb_mod_def_t *preserve =
		from->hasPreserve ? xcb_xkb_key_type_preserve(from) : NULL;
	xcb_xkb_kt_map_entry_iterator_t it = xcb_xkb_key_type_map_iterator(from);
	t->mods = from->mods_mask;
	t->rules = calloc((size_t)from->nMapEntries + 1, sizeof(*t->rules));
	if (!t->rules)
		return false;
	for (unsigned i = 0; it.rem > 0; i++, xcb_xkb_kt_map_entry_next(&it)) {
		if (!it.data->active)
			continue;
		t->rules[t->n_rules++] = (struct level_rule){ it.data->mods_mask, it.data->level,
			preserve ? preserve[i].mask : 0 };
	}
	return true;
}

static unsigned groups_of(const struct key *k)
{
	unsigned n = k->group_info & 0x0f;
	return n < 4 ? n : 4;
}

static bool copy_key(struct x11_keymap *m, struct key *k, const xcb_xkb_key_sym_map_t *from)
{
	size_t n = from->nSyms;
	memcpy(k->types, from->kt_index, sizeof(k->types));
	k->group_info = from->groupInfo;
	k->width = from->width;
	if (n < (size_t)k->width * groups_of(k))
		return false;
	for (unsigned g = 0; g < groups_of(k); g++) {
		if (k->types[g] >= m->n_types)
			return false;
	}
	if (groups_of(k) > m->n_groups)
		m->n_groups = groups_of(k);
	if (n == 0)
		return true;
	k->keysyms = calloc(n * 2, sizeof(*k->keysyms));
	if (!k->keysyms)
		return false;
	k->idents = k->keysyms + n;
	memcpy(k->keysyms, xcb_xkb_key_sym_map_syms(from), n * sizeof(*k->keysyms));
	for (size_t i = 0; i < n; i++)
		k->idents[i] = x11_keysym_ident(k->keysyms[i]);
	return true;
}

static unsigned modmap_of_keysym(const struct x11_keymap *m, uint32_t keysym)
{
	unsigned mods = 0;
	for (unsigned i = m->min; i <= m->max; i++) {
		const struct key *k = &m->keys[i];
		for (unsigned s = 0; k->modmap && s < groups_of(k) * k->width; s++) {
			if (k->keysyms[s] == keysym)
				mods |= k->modmap;
		}
	}
	return mods;
}

static bool copy_map(struct x11_keymap *m, const xcb_xkb_get_map_reply_t *r)
{
	xcb_xkb_get_map_map_t map;
	xcb_xkb_get_map_map_unpack(xcb_xkb_get_map_map(r), r->nTypes, r->nKeySyms, r->nKeyActions,
		r->totalActions, r->totalKeyBehaviors, r->virtualMods, r->totalKeyExplicit,
		r->totalModMapKeys, r->totalVModMapKeys, r->present, &map);
	m->types = calloc((size_t)r->nTypes + 1, sizeof(*m->types));
	if (!m->types)
		return false;
	xcb_xkb_key_type_iterator_t type = xcb_xkb_get_map_map_types_rtrn_iterator(r, &map);
	for (; type.rem > 0; xcb_xkb_key_type_next(&type)) {
		if (!copy_type(&m->types[m->n_types++], type.data))
			return false;
	}
	xcb_xkb_key_sym_map_iterator_t key = xcb_xkb_get_map_map_syms_rtrn_iterator(r, &map);
	unsigned keycode = r->firstKeySym;
	for (; key.rem > 0 && keycode < 256; keycode++, xcb_xkb_key_sym_map_next(&key)) {
		if (!copy_key(m, &m->keys[keycode], key.data))
			return false;
	}
	xcb_xkb_key_mod_map_iterator_t mod = xcb_xkb_get_map_map_modmap_rtrn_iterator(r, &map);
	for (; mod.rem > 0; xcb_xkb_key_mod_map_next(&mod))
		m->keys[mod.data->keycode].modmap = mod.data->mods;
	return true;
}

struct x11_keymap *x11_keymap_create(const xcb_xkb_get_map_reply_t *reply)
{
	const unsigned wanted = XCB_XKB_MAP_PART_KEY_TYPES | XCB_XKB_MAP_PART_KEY_SYMS |
				XCB_XKB_MAP_PART_MODIFIER_MAP;
	struct x11_keymap *m = calloc(1, sizeof(*m));
	if (!m || (reply->present & wanted) != wanted)
		goto fail;
	m->min = reply->minKeyCode;
	m->max = reply->maxKeyCode;
	if (m->min < 8 || m->min > m->max || !copy_map(m, reply))
		goto fail;
	m->lock_mods = XCB_MOD_MASK_LOCK | modmap_of_keysym(m, XKB_KEY_Num_Lock);
	m->level_mods = XCB_MOD_MASK_SHIFT | modmap_of_keysym(m, XKB_KEY_ISO_Level3_Shift) |
			modmap_of_keysym(m, XKB_KEY_ISO_Level5_Shift);
	return m;
fail:
	x11_keymap_destroy(m);
	return NULL;
}

/* Group numbers beyond those of the key (XKB protocol 12.1.1). */
static unsigned group_for(const struct key *k, unsigned group)
{
	unsigned n = groups_of(k);
	if (group < n)
		return group;
	unsigned redirect = (k->group_info >> 4) & 3;
	switch (k->group_info & 0xc0) {
	case XCB_XKB_GROUPS_WRAP_CLAMP_INTO_RANGE << 6: return n - 1;
	case XCB_XKB_GROUPS_WRAP_REDIRECT_INTO_RANGE << 6: return redirect < n ? redirect : 0;
	default: return group % n;
	}
}

uint32_t x11_keymap_keysym(
	const struct x11_keymap *m, uint8_t keycode, unsigned group, unsigned mods)
{
	const struct key *k = &m->keys[keycode];
	if (groups_of(k) == 0)
		return 0;
	group = group_for(k, group);
	const struct key_type *t = &m->types[k->types[group]];
	const struct level_rule *rule = NULL;
	for (unsigned i = 0; !rule && i < t->n_rules; i++) {
		if (t->rules[i].mods == (mods & t->mods))
			rule = &t->rules[i];
	}
	unsigned level = rule ? rule->level : 0;
	if (level >= k->width)
		return 0;
	uint32_t keysym = k->keysyms[group * k->width + level];
	unsigned used = rule ? t->mods & ~(unsigned)rule->preserve : t->mods;
	if ((mods & XCB_MOD_MASK_LOCK) && !(used & XCB_MOD_MASK_LOCK))
		keysym = xkb_keysym_to_upper(keysym);
	return keysym;
}

unsigned x11_keymap_modmap(const struct x11_keymap *m, uint8_t keycode)
{
	return m->keys[keycode].modmap;
}

unsigned x11_keymap_level_mods(const struct x11_keymap *m)
{
	return m->level_mods;
}

unsigned x11_keymap_lock_mods(const struct x11_keymap *m)
{
	return m->lock_mods;
}

uint8_t x11_keymap_modifier_key(
	const struct x11_keymap *m, unsigned mod, const bool held[static 256])
{
	for (unsigned i = m->min; i <= m->max; i++) {
		const struct key *k = &m->keys[i];
		if (k->modmap != mod || held[i] || groups_of(k) == 0 || k->width == 0)
			continue;
		/* Keys that lock or latch the modifier share its modmap. */
		switch (k->keysyms[0]) {
		case XKB_KEY_Shift_L:
		case XKB_KEY_Shift_R:
		case XKB_KEY_ISO_Level3_Shift:
		case XKB_KEY_ISO_Level5_Shift: return (uint8_t)i;
		}
	}
	return 0;
}

uint8_t x11_keymap_spare(const struct x11_keymap *m, const bool taken[static 256])
{
	for (unsigned i = m->max; i >= m->min; i--) {
		const struct key *k = &m->keys[i];
		bool empty = k->modmap == 0;
		for (unsigned s = 0; empty && s < groups_of(k) * k->width; s++)
			empty = k->keysyms[s] == 0;
		if (empty && !taken[i])
			return (uint8_t)i;
	}
	return 0;
}

static bool gives_at(const struct key *k, unsigned group, unsigned level, uint32_t ident)
{
	return groups_of(k) > 0 && level < k->width &&
	       k->idents[group_for(k, group) * k->width + level] == ident;
}

static bool gives(const struct key *k, unsigned group, uint32_t ident)
{
	for (unsigned level = 0; level < k->width; level++) {
		if (gives_at(k, group, level, ident))
			return true;
	}
	return false;
}

bool x11_keymap_gives(const struct x11_keymap *m, uint8_t keycode, unsigned group, uint32_t keysym)
{
	return gives(&m->keys[keycode], group, x11_keysym_ident(keysym));
}

/* One search for a key: what is wanted, and the best that was found so far. */
struct search {
	const struct x11_keymap *m;
	uint32_t ident;
	uint8_t prefer;
	unsigned group;
	unsigned all_mods;   /* in force */
	unsigned mods;       /* of them the level and lock modifiers */
	unsigned changeable; /* of these */
	int cost;            /* how many modifiers `way` changes; -1: none found */
	struct x11_keymap_way *way;
};

static void try_key(struct search *s, unsigned keycode)
{
	unsigned change = 0;
	if (!gives(&s->m->keys[keycode], s->group, s->ident))
		return;
	do {
		int cost = __builtin_popcount(change);
		unsigned mods = s->mods ^ change;
		uint32_t keysym = x11_keymap_keysym(s->m, (uint8_t)keycode, s->group, mods);
		if ((s->cost < 0 || cost < s->cost) && x11_keysym_ident(keysym) == s->ident) {
			s->cost = cost;
			*s->way = (struct x11_keymap_way){ (uint8_t)keycode, s->group, mods };
		}
		change = (change - s->changeable) & s->changeable; /* the next subset */
	} while (change != 0);
}

static bool by_mods(struct search *s, unsigned changeable)
{
	s->changeable = changeable;
	s->cost = -1;
	if (s->prefer != 0)
		try_key(s, s->prefer);
	if (s->cost >= 0)
		return true;
	for (unsigned i = s->m->min; s->cost != 0 && i <= s->m->max; i++)
		try_key(s, i);
	return s->cost >= 0;
}

/* True when the key, pressed as things are, does what is meant: it gives the
 * keysym with all that the user holds (Alt+Print is Sys_Req), or would without
 * (Tab stays the key for Tab while Shift is held). A modifier is the same key at
 * every level. */
static bool does(const struct search *s, unsigned keycode, unsigned level, bool modifier)
{
	const struct key *k = &s->m->keys[keycode];
	if (level == 0 || modifier)
		return gives_at(k, s->group, level, s->ident);
	return level == 1 && gives(k, s->group, s->ident) &&
	       x11_keysym_ident(x11_keymap_keysym(s->m, (uint8_t)keycode, s->group, s->all_mods)) ==
		       s->ident;
}

static bool by_key(struct search *s, bool modifier)
{
	for (unsigned level = 0; level < 8; level++) {
		unsigned found = 0;
		for (unsigned i = s->m->max; i >= s->m->min; i--) {
			if (does(s, i, level, modifier) && (found != s->prefer || found == 0))
				found = i;
		}
		if (found == 0)
			continue;
		*s->way = (struct x11_keymap_way){ (uint8_t)found, s->group, s->mods };
		return true;
	}
	return false;
}

/* Locks are switched only where nothing else helps. */
static bool text_in_group(struct search *s)
{
	const unsigned mods = s->mods, num_lock = s->m->lock_mods & ~(unsigned)XCB_MOD_MASK_LOCK;
	const unsigned flips[] = { 0, mods & XCB_MOD_MASK_LOCK, num_lock,
		(mods & XCB_MOD_MASK_LOCK) | num_lock };
	bool found = false;
	for (unsigned i = 0; !found && i < 4; i++) {
		s->mods = mods ^ flips[i];
		found = by_mods(s, s->m->level_mods);
	}
	s->mods = mods;
	return found;
}

bool x11_keymap_find(const struct x11_keymap *m, uint32_t keysym, uint8_t prefer, unsigned group,
	unsigned mods, struct x11_keymap_way *way)
{
	enum x11_keysym_kind kind = x11_keysym_kind(keysym);
	struct search s = {
		.m = m, .ident = x11_keysym_ident(keysym), .prefer = prefer, .way = way
	};
	s.all_mods = mods;
	s.mods = mods & (m->level_mods | m->lock_mods);
	for (unsigned i = 0; i < (m->n_groups ? m->n_groups : 1); i++) {
		s.group = i == 0 ? group : i <= group ? i - 1 : i;
		if (kind == X11_KEYSYM_TEXT && text_in_group(&s))
			return true;
		/* Shift+Tab must stay Shift+Tab although Tab is on the level without:
		 * what such a key needs is added, but nothing is taken from the user. */
		if (kind == X11_KEYSYM_FUNCTION && by_mods(&s, m->level_mods & ~s.mods))
			return true;
		if (kind != X11_KEYSYM_TEXT && by_key(&s, kind == X11_KEYSYM_MODIFIER))
			return true;
	}
	return false;
}
