/*
 * What the addon and the CUDA library say to each other: plain C, so that neither cares how the other was built. The
 * library exports one function, sae_match_device_api. Nothing of C++ crosses: no exception, no allocation that the other
 * side frees. Sizes are in elements unless a name says bytes; every function is synchronous and may be called from any
 * thread, but one pair from one thread at a time.
 */
#ifndef SAE_MATCH_DEVICE_API_H
#define SAE_MATCH_DEVICE_API_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Up with any change of what follows. */
#define SAE_MATCH_DEVICE_ABI 3
#define SAE_MATCH_DEVICE_ENTRY "sae_match_device_api"

typedef int32_t sae_match_device_status;
enum {
  SAE_MATCH_DEVICE_OK = 0,
  SAE_MATCH_DEVICE_NO_DRIVER = 1,        /* no NVIDIA driver is loaded */
  SAE_MATCH_DEVICE_DRIVER_TOO_OLD = 2,   /* older than the library's CUDA version needs */
  SAE_MATCH_DEVICE_NO_DEVICE = 3,        /* none, or none visible */
  SAE_MATCH_DEVICE_ARCH_UNSUPPORTED = 4, /* this build has no kernels for the device */
  SAE_MATCH_DEVICE_OUT_OF_MEMORY = 5,
  SAE_MATCH_DEVICE_SELF_TEST_FAILED = 6, /* a known answer came out wrong */
  SAE_MATCH_DEVICE_LOST = 7,             /* a fatal error: no call of this process will succeed any more */
  SAE_MATCH_DEVICE_INVALID = 8,          /* a mistake of the caller */
  SAE_MATCH_DEVICE_FAILED = 9            /* any other error of CUDA */
};

/* Why a call failed: name, text and place of the CUDA error. Empty after success. */
typedef struct {
  char text[1024];
} sae_match_device_message;

typedef struct {
  int32_t devices;
  int32_t driver_version;  /* as cudaDriverGetVersion has it: 13000 for 13.0; 0 without a driver */
  int32_t runtime_version; /* of the CUDA the library was built with */
} sae_match_device_report;

typedef struct {
  char name[256];
  int32_t major, minor; /* compute capability */
  int32_t multiprocessors;
  uint64_t total_bytes, free_bytes;
} sae_match_device_info;

/* Columns [0, columns) of every row: scale[r] * stored(r, k). Rows are contiguous along k. */
typedef struct {
  const void* data;
  int32_t dtype; /* 0 f16, 1 bf16, 2 f32, 3 f64 */
  int64_t columns;
  int64_t row_bytes;   /* from one stored row to the next */
  const double* scale; /* by stored row; null for 1 */
  /* Blocks of one identity other than 0 hold the same numbers in the same order for the life of the process, whatever
     their scales; a device may keep them from pair to pair. All `rows` stored rows must be readable then. */
  uint64_t identity;
  int64_t rows;
} sae_match_device_block;

/* Feature rows: blocks side by side. Row r is stored row index[r] (row r where index is null) of every block. */
typedef struct {
  const sae_match_device_block* blocks;
  int64_t block_count;
  int64_t count;
  const int32_t* index;
} sae_match_device_rows;

typedef struct {
  sae_match_device_rows a, b; /* of equal block widths; count at least 1 */
  int32_t device;
  int32_t either_sign; /* costs are the lesser of |x - y|^2 and |x + y|^2 */
  int32_t maximize;    /* costs are negated */
  /* 1: the whole matrix of bounds is kept in device memory, 0: never, -1: where it takes no more than `dense_bytes` and
     there is room. */
  int32_t dense;
  uint64_t dense_bytes;
  int32_t product; /* 0: f32 multiply-adds; 1: tensor cores over f16 */
} sae_match_device_problem;

/* What a pair needs and can do, known once it is open. */
typedef struct {
  int32_t dense;     /* the whole matrix is kept; rows have to be formed once */
  int64_t most_rows; /* that one call may ask for */
  /* |sum - <x', y'>| <= accumulation |x'| |y'| + underflow for the operands x', y' of the product, rows of norm 2 at
     most. */
  double accumulation, underflow;
} sae_match_device_properties;

/* Partners and their exact costs; -1 and -infinity where there is none. */
typedef struct {
  const int32_t *row_to_column, *column_to_row;
  const double *row_cost, *column_cost;
} sae_match_device_partners;

/* Of each asked row: the nearest column, the lower one among equals (-1 without one), its cost, the second least cost, and
   how many columns come before the partner (-1 without one). */
typedef struct {
  int32_t* index;
  double *cost, *second_cost;
  int32_t* rank;
} sae_match_device_neighbours;

/* Entries whose exact costs tell the nearest rows and the ranks of columns, in any order. */
typedef struct {
  int64_t room;  /* of the arrays */
  int64_t found; /* out: how many there are; those beyond `room` are lost */
  int32_t *rows, *columns;
  int32_t* ties; /* whether the entry has to be compared with the column's partner */
  double* costs;
} sae_match_device_candidates;

/* The tensors with an identity that a device keeps. */
typedef struct {
  uint64_t bytes, tensors; /* at present */
  uint64_t uploads, reuses; /* so far: how often a pair's block was uploaded, and was there already */
} sae_match_device_resident;

/* Rounds of Sinkhorn's scaling over bounds c: every row i pays u_i = -eps log sum_j exp((v_j - c_ij) / eps), at most
   `row_most`; then v_j moves by `relaxation` times its distance to -eps log sum_i exp((u_i - c_ij) / eps), to `column_most`
   at most. */
typedef struct {
  double eps, row_most, column_most, relaxation;
  int64_t rounds;
} sae_match_device_soft_min;

/* Rounds of an auction over bounds c in f64: every row without column bids for the one least by c - v, so much that it
   becomes `eps` worse than its second choice or than `unmatched_cost`. Among equals row i takes the first from column i
   on. The lower of two rows that bid the same for a column gets it. A row that would rather stay alone bids no more. */
typedef struct {
  double eps, unmatched_cost;
  int64_t rounds;  /* at most; none where no row is left */
  int32_t restart; /* every row without column, prices as given; 0: as the call before left it, prices as well */
} sae_match_device_auction;

typedef struct {
  int64_t waiting; /* rows without column that bid again */
  int64_t bids;    /* since the start */
} sae_match_device_auction_state;

typedef struct sae_match_device_pair sae_match_device_pair;

typedef struct {
  uint32_t abi_version; /* these two never move */
  uint32_t table_bytes;
  const char* package_version;
  const char* build; /* compiler, toolkit, architectures */

  /* The first call to CUDA of the process. */
  sae_match_device_status (*probe)(sae_match_device_report*, sae_match_device_message*);
  sae_match_device_status (*info)(int32_t device, sae_match_device_info*, sae_match_device_message*);
  /* Every kernel on small input against answers worked out on the CPU. */
  sae_match_device_status (*self_test)(int32_t device, sae_match_device_message*);

  /* Copies both sides to the device. */
  sae_match_device_status (*open)(const sae_match_device_problem*, sae_match_device_pair**, sae_match_device_message*);
  void (*close)(sae_match_device_pair*);
  /* Squared norms in f64 of the rows as stored, in eight lanes, blocks added left to right. */
  sae_match_device_status (*norms)(sae_match_device_pair*, double* a, double* b, sae_match_device_message*);
  /* Multiplies all rows by `factor`, a power of two, and makes the operands of the product. Out: for every row an upper
     bound of |x - x'|, x' being what the product works with. */
  sae_match_device_status (*pack)(sae_match_device_pair*, double factor, double* a_residual, double* b_residual,
                                  sae_match_device_properties*, sae_match_device_message*);
  /* Bounds are costs less row_errors[i] * column_errors[j], rounded down. After this, rows can be asked for. */
  sae_match_device_status (*bound)(sae_match_device_pair*, const double* row_errors, const double* column_errors,
                                   sae_match_device_message*);
  /* Of a dense pair: forms the bounds of rows [first, first + count). To be called for all rows once. */
  sae_match_device_status (*form)(sae_match_device_pair*, int64_t first, int64_t count, sae_match_device_message*);

  /* out[p * columns + j]: the bound of row rows[p] and column j. */
  sae_match_device_status (*rows)(sae_match_device_pair*, const int32_t* rows, int64_t count, float* out,
                                  sae_match_device_message*);
  /* Exact costs in f64 of pairs (rows[e], columns[e]). */
  sae_match_device_status (*costs)(sae_match_device_pair*, const int32_t* rows, const int32_t* columns, int64_t count,
                                   double* out, sae_match_device_message*);
  /* The depth-th least bound of every column over the given rows; +infinity where there are fewer. depth <= 8 */
  sae_match_device_status (*quantile)(sae_match_device_pair*, const int32_t* rows, int64_t count, int64_t depth,
                                      double* out, sae_match_device_message*);
  /* For each given row its columns least by bound - v: `sizes[p]` of them at [p * stride ...), and a number below which
     no other column's cost - v lies. About `size` are wanted and `shared[p]` more; at most min(columns, 2 * size +
     shared[p]) come, which `stride` has room for. Costs are exact if `exact`, bounds otherwise. */
  sae_match_device_status (*lists)(sae_match_device_pair*, const int32_t* rows, const int32_t* shared, int64_t count,
                                   const double* v, int64_t size, int32_t exact, int64_t stride, int32_t* columns,
                                   double* costs, int32_t* sizes, double* bounds, sae_match_device_message*);
  /* min_j (c_ij - v_j) over the exact costs of each given row, rounded down. */
  sae_match_device_status (*least_reduced)(sae_match_device_pair*, const int32_t* rows, int64_t count, const double* v,
                                           double* out, sae_match_device_message*);

  /* Neighbours and ranks, in this order: begin; see_columns over all rows in pieces; neighbours over the same pieces;
     column_ranks, entries that certainly come before each column's partner, to which candidates add. */
  sae_match_device_status (*begin_neighbours)(sae_match_device_pair*, const sae_match_device_partners*,
                                              sae_match_device_message*);
  sae_match_device_status (*see_columns)(sae_match_device_pair*, const int32_t* rows, int64_t count,
                                         sae_match_device_message*);
  sae_match_device_status (*neighbours)(sae_match_device_pair*, const int32_t* rows, int64_t count,
                                        const sae_match_device_neighbours*, sae_match_device_candidates*,
                                        sae_match_device_message*);
  sae_match_device_status (*column_ranks)(sae_match_device_pair*, int32_t* before, sae_match_device_message*);

  sae_match_device_status (*resident)(int32_t device, sae_match_device_resident*, sae_match_device_message*);
  /* Of a dense pair: v, prices to start from, in and out. In f32. */
  sae_match_device_status (*soft_min)(sae_match_device_pair*, const sae_match_device_soft_min*, double* v,
                                      sae_match_device_message*);
  /* The same for an auction. */
  sae_match_device_status (*auction)(sae_match_device_pair*, const sae_match_device_auction*, double* v,
                                     sae_match_device_auction_state*, sae_match_device_message*);
} sae_match_device_table;

/* Touches nothing: it may be called without a driver. */
typedef const sae_match_device_table* (*sae_match_device_api_function)(void);
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const sae_match_device_table* sae_match_device_api(void);

#ifdef __cplusplus
}
#endif

#endif
