#include "codec/photo.h"

#include <assert.h>
#include <stddef.h>

enum {
	CELL = 64,  /* pixels, about: a side of what is judged at once */
	ALIGN = 16, /* JPEG's blocks should not be cut */
	LEAST = 16, /* a photo has more pixels a side than that */
	STEP = 11,  /* between the lines looked at; shares nothing with a text line's height */
	CALM = 25,  /* percent of background in a line: text has 30 and more, photos 20 and less */
};

/* The i-th of n cuts of a length. */
static int cut(int length, int i, int n)
{
	return i == n ? length : (int)((long long)length * i / n) & ~(ALIGN - 1);
}

static int cells_of(int length)
{
	int n = (length + CELL / 2) / CELL;
	return n > 0 ? n : 1;
}

static struct rect cell_at(const struct photo *p, int column, int row)
{
	int x = cut(p->w, column, p->columns), y = cut(p->h, row, p->rows);
	return (struct rect){ x, y, cut(p->w, column + 1, p->columns) - x,
		cut(p->h, row + 1, p->rows) - y };
}

/* How many of the n pixels, `step` apart, have the colour of their longest run:
 * a line through text, however dense, shows its background that way. */
static unsigned calm_line(const uint32_t *px, ptrdiff_t step, int n)
{
	uint32_t colour = *px, last = *px;
	unsigned count = 0;
	int longest = 0, run = 0;
	for (int i = 0; i < n; i++) {
		uint32_t now = px[i * step];
		run = now == last ? run + 1 : 1;
		last = now;
		if (run > longest) {
			longest = run;
			colour = now;
		}
	}
	for (int i = 0; i < n; i++)
		count += px[i * step] == colour;
	return count;
}

/* Percentages: rows and columns are judged apart, for text on a background that
 * changes its colour slowly along one of them. */
static bool has_background(const struct pix_view *v)
{
	unsigned rows = 0, columns = 0, of_rows = 0, of_columns = 0;
	for (int y = STEP / 2; y < v->h; y += STEP, of_rows += (unsigned)v->w)
		rows += calm_line(pix_view_at(v, 0, y), 1, v->w);
	if (100 * rows > CALM * of_rows)
		return true;
	for (int x = STEP / 2; x < v->w; x += STEP, of_columns += (unsigned)v->h)
		columns += calm_line(pix_view_at(v, x, 0), v->stride, v->h);
	return 100 * columns > CALM * of_columns;
}

/* The more restless a cell is, the fewer colours must be found to be sure. */
static bool is_photo(const struct pix_view *v, struct palette *scratch)
{
	if (v->w < LEAST || v->h < LEAST)
		return false;
	unsigned restless = photo_restless(v);
	if (restless < 40 || has_background(v))
		return false;
	return !palette_fill(scratch, v, restless > 75 ? 24 : 96);
}

unsigned photo_restless(const struct pix_view *v)
{
	unsigned n = 0, of = 0;
	for (int y = v->h > STEP ? STEP / 2 : 0; y < v->h; y += STEP) {
		const uint32_t *px = pix_view_at(v, 0, y);
		for (int x = 1; x < v->w; x++)
			n += px[x] != px[x - 1];
		of += (unsigned)v->w - 1;
	}
	return of > 0 ? 100 * n / of : 0;
}

void photo_start(struct photo *p, const struct pix_view *v, struct palette *scratch)
{
	*p = (struct photo){ .w = v->w, .h = v->h, .columns = 1, .rows = 1, .uniform = true };
	if (v->w < LEAST || v->h < LEAST)
		return;
	p->columns = cells_of(v->w);
	p->rows = cells_of(v->h);
	assert(p->columns * p->rows <= PHOTO_CELLS);
	for (int y = 0; y < p->rows; y++) {
		for (int x = 0; x < p->columns; x++) {
			struct pix_view cell = pix_view_sub(v, cell_at(p, x, y));
			bool lossy = is_photo(&cell, scratch);
			p->lossy[y * p->columns + x] = lossy;
			p->uniform = p->uniform && lossy == p->lossy[0];
		}
	}
}

bool photo_next(struct photo *p, struct rect *part, bool *lossy)
{
	if (p->next_row == p->rows)
		return false;
	if (p->uniform) {
		p->next_row = p->rows;
		*part = (struct rect){ 0, 0, p->w, p->h };
		*lossy = p->lossy[0];
		return true;
	}
	const bool *row = p->lossy + (ptrdiff_t)p->next_row * p->columns;
	int first = p->next_column, end = first + 1;
	while (end < p->columns && row[end] == row[first])
		end++;
	*part = rect_union(cell_at(p, first, p->next_row), cell_at(p, end - 1, p->next_row));
	*lossy = row[first];
	p->next_column = end;
	if (end == p->columns) {
		p->next_column = 0;
		p->next_row++;
	}
	return true;
}
